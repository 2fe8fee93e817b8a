"""Operator connection: NATS as an operator command uses it, for one command."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from heliograph.client_errors import ClientError, ConnectionFailed
from heliograph.contracts.errors import HeliographError
from heliograph.runtime.bus.connection import Connection
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.jetstream_errors import ApiError, translated
from heliograph.runtime.bus.permissions import OPERATOR
from heliograph.runtime.settings import ServiceSettings


@asynccontextmanager
async def operator_jetstream(user: str = OPERATOR) -> AsyncIterator[JetStream]:
    """
    JetStream of the deployment that the environment names, signed in as a user of ours.

    Raises:
        ConnectionFailed: NATS does not answer.
        ClientError: A command inside the block failed.
    """
    settings = ServiceSettings()
    connection = Connection(settings, user)
    try:
        with translated():
            await connection.client.connect(
                **connection.options
                | connection.security
                | {"max_reconnect_attempts": 1, "allow_reconnect": False}
            )
    except Exception as error:
        hosts = ", ".join(settings.nats_hosts)  # the URL may hold a password
        raise ConnectionFailed(f"NATS at {hosts} does not answer: {error}") from error
    try:
        yield JetStream(connection.client, replicas=settings.nats_replicas)
    except (HeliographError, ApiError) as error:
        raise ClientError(str(error)) from error
    finally:
        await connection.close()
