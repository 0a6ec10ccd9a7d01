TASK_ID=cgt-20260527165600-kf7rt
KEY=sk-你的KEY

curl https://www.dianlitoken.com/v1/videos/$TASK_ID \
  -H "Authorization: Bearer $KEY"
