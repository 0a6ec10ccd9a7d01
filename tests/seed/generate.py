import requests
import time

API_KEY = "sk-你的KEY"
BASE_URL = "https://www.dianlitoken.com"

# 1. 创建任务
resp = requests.post(
    f"{BASE_URL}/v1/videos",
    headers={"Authorization": f"Bearer {API_KEY}"},
    json={
        "model": "seedance-2.0-fast",
        "content": [{"type": "text", "text": "一只橘猫在草地上奔跑"}],
        "resolution": "480p",
        "duration": 4,
    },
)
resp.raise_for_status()
task_id = resp.json()["id"]
print(f"Task created: {task_id}")

# 2. 轮询
while True:
    time.sleep(10)
    resp = requests.get(
        f'{BASE_URL}/v1/videos/{task_id}',
        headers={'Authorization': f'Bearer {API_KEY}'},
    )
    data = resp.json()
    status = data['status']
    print(f'Status: {status}')

    if status == 'completed':
        video_url = data['metadata']['url']
        print(f'Video ready: {video_url}')
        break
    if status == 'failed':
        print(f'Task failed: {data.get("error", {}).get("message")}')
        break

# 3. 下载
if status == 'completed':
    video = requests.get(video_url)
    with open('my-cat.mp4', 'wb') as f:
        f.write(video.content)
    print(f'Saved to my-cat.mp4 ({len(video.content)} bytes)')
