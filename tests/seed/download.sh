curl -o my-cat.mp4 "https://ark-aigc-cn-beijing.tos-cn-beijing.volces.com/.../xxxxxx.mp4?X-Tos-Signature=..."
