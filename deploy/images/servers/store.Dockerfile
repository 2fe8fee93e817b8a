# The S3 server of `make up`, with MinIO's settings.
ARG BASE
FROM ${BASE}
RUN install --directory --owner=10001 --group=10001 /data
COPY rclone /usr/local/bin/
COPY deploy /app/deploy
WORKDIR /app
USER 10001:10001
ENV HOME=/tmp
ENTRYPOINT export RCLONE_AUTH_KEY="\"$(cat "$MINIO_ROOT_USER_FILE"),$(cat "$MINIO_ROOT_PASSWORD_FILE")\""; \
    exec python3 -m deploy.local.range_proxy 0.0.0.0:9000 127.0.0.1:9001 \
    rclone serve s3 --vfs-cache-mode off --config "" /data
