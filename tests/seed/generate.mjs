const API_KEY = 'sk-你的KEY'
const BASE_URL = 'https://www.dianlitoken.com'

async function generateVideo() {
  // 1. 创建任务
  const createRes = await fetch(`${BASE_URL}/v1/videos`, {
    method: 'POST',
    headers: {
      'Authorization': `Bearer ${API_KEY}`,
      'Content-Type': 'application/json',
    },
    body: JSON.stringify({
      model: 'seedance-2.0-fast',
      content: [{ type: 'text', text: '一只橘猫在草地上奔跑' }],
      resolution: '480p',
      duration: 4,
    }),
  })
  const { id: taskId } = await createRes.json()
  console.log(`Task created: ${taskId}`)

  // 2. 轮询
  while (true) {
    await new Promise(r => setTimeout(r, 10000))
    const queryRes = await fetch(`${BASE_URL}/v1/videos/${taskId}`, {
      headers: { 'Authorization': `Bearer ${API_KEY}` },
    })
    const data = await queryRes.json()
    console.log(`Status: ${data.status}`)

    if (data.status === 'completed') {
      const videoUrl = data.metadata.url
      console.log(`Video ready: ${videoUrl}`)
      return videoUrl
    }
    if (data.status === 'failed') {
      throw new Error(`Task failed: ${data.error?.message}`)
    }
  }
}

generateVideo().catch(console.error)
