# The gateway in a container. Nothing but /data is written, so the root file system may be read-only:
#
#   docker build -t arkbridge .
#   docker run --read-only --tmpfs /tmp -p 127.0.0.1:8686:8686 -v arkbridge:/data -e ARK_API_KEY arkbridge
#
# The working folder is /, so that the defaults ./data/ and ./config.toml are /data and /config.toml.

FROM python:3.13-slim AS builder
WORKDIR /src
COPY requirements.lock requirements-dev.lock ./
RUN python -m venv /opt/venv \
    && /opt/venv/bin/python -m pip install --no-cache-dir --require-hashes -r requirements.lock \
    && python -m venv /opt/build \
    && /opt/build/bin/python -m pip install --no-cache-dir --require-hashes -r requirements-dev.lock
COPY pyproject.toml README.md LICENSE ./
COPY proxy proxy
# The same two steps that `make wheel` and tests/test_wheel.py take.
RUN /opt/build/bin/python -m build --wheel --no-isolation --outdir /dist \
    && /opt/venv/bin/python -m pip install --no-cache-dir --no-index --no-deps /dist/*.whl \
    && install -d -o 10001 -g 10001 -m 0700 /empty-data

FROM python:3.13-slim
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
COPY --from=builder /opt/venv /opt/venv
COPY --from=builder --chown=10001:10001 /empty-data /data
USER 10001:10001
WORKDIR /
VOLUME /data
EXPOSE 8686
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; port = os.environ.get('ARKBRIDGE_SERVER__PORT', '8686'); u.build_opener(u.ProxyHandler({})).open(f'http://127.0.0.1:{port}/healthz', timeout=4)"]
ENTRYPOINT ["arkbridge"]
CMD ["serve", "--host", "0.0.0.0"]
