# 查询 — 视频 URL 在 content.video_url, usage / seed / dimensions 都在顶层
curl https://www.dianlitoken.com/api/v3/contents/generations/tasks/$TASK_ID \
  -H "Authorization: Bearer sk-你的KEY"
