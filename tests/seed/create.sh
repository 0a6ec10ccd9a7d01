curl -X POST https://www.dianlitoken.com/v1/videos \
  -H "Authorization: Bearer sk-你的KEY" \
  -H "Content-Type: application/json" \
  -d '{
    "model": "seedance-2.0-fast",
    "content": [
      {"type": "text", "text": "一只橘猫在草地上奔跑,阳光明媚"}
    ],
    "resolution": "480p",
    "duration": 4
  }'
