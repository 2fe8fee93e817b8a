# Prometheus of Debian, with the command of its published image.
ARG BASE
FROM ${BASE}
ARG PROGRAM
COPY ${PROGRAM} /usr/local/bin/prometheus
RUN install --directory --owner=10001 --group=10001 /prometheus
USER 10001:10001
ENTRYPOINT ["prometheus"]
