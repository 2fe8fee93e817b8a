# One static program of this machine, and a folder that is its own.
FROM scratch
ARG PROGRAM
COPY ${PROGRAM} /program
COPY --chown=10001:10001 data /data
USER 10001:10001
ENTRYPOINT ["/program"]
