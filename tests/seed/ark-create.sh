# 创建 — 只返一个字段 { "id": "cgt-xxx" }
curl -X POST https://www.dianlitoken.com/api/v3/contents/generations/tasks \
  -H "Authorization: Bearer sk-你的KEY" \
  -H "Content-Type: application/json" \
  -d '{
    "model": "seedance-2.0-pro",
    "content": [{"type":"text","text":"..."}]
  }'
