"""
Monitoring of the NATS server: how JetStream is configured there.

The bundled server has no monitoring port, which any page in a browser of this machine could read. It is
asked on the bus, by a user of the system account that may send this one request. An outside server is
asked over HTTP where HELIOGRAPH_NATS_MONITOR_URL says so.
"""

import asyncio
import json
from typing import Any, NamedTuple

import httpx
import nats.errors
from nats.aio.client import Client

from heliograph.contracts.errors import Unavailable
from heliograph.runtime.fetching.certificates import ssl_context
from heliograph.runtime.settings import ServiceSettings

_QUESTION = "$SYS.REQ.SERVER.PING.VARZ"
_INBOX = b"_INBOX_monitor"  #: the user may listen there only, see deploy/nats.conf
_TIMEOUT = 3.0  #: seconds for a response


class Configuration(NamedTuple):
    """Configuration of JetStream, as the server reports it."""

    sync_always: bool  #: whether messages are on disk before they are acknowledged
    max_store: int  #: bytes that all streams together may take on disk


async def read_configuration(settings: ServiceSettings) -> Configuration | None:
    """
    Ask the server; None where an outside server has no address to ask.

    Raises:
        Unavailable: The server does not respond; try again.
    """
    login = settings.nats_monitor_login
    if login:
        return await _over_nats(login)
    return await _over_http(settings.nats_monitor_url) if settings.nats_monitor_url else None


async def _over_nats(login: str) -> Configuration:
    client = Client()
    try:
        async with asyncio.timeout(_TIMEOUT):
            await client.connect(
                login,
                name="heliograph-monitor",
                inbox_prefix=_INBOX,
                allow_reconnect=False,
                error_cb=_ignore,  # what goes wrong is raised as well
            )
            reply = await client.request(_QUESTION, timeout=_TIMEOUT)
        return _parse(json.loads(reply.data)["data"])
    except (nats.errors.Error, OSError, TimeoutError, ValueError, KeyError) as error:
        raise Unavailable(f"NATS does not tell its configuration: {error}") from error
    finally:
        await client.close()


async def _ignore(_: Exception) -> None:
    pass


async def _over_http(monitor: str) -> Configuration:
    try:
        async with httpx.AsyncClient(
            timeout=_TIMEOUT, verify=ssl_context(), trust_env=False
        ) as client:
            response = await client.get(f"{monitor}/varz")
        return _parse(response.json())
    except (httpx.HTTPError, ValueError, KeyError) as error:
        raise Unavailable(f"the NATS monitor at {monitor} does not answer: {error}") from error


def _parse(varz: dict[str, Any]) -> Configuration:
    """Raises KeyError: JetStream is off."""
    stated = varz["jetstream"]["config"]
    return Configuration(bool(stated.get("sync_always")), int(stated["max_storage"]))
