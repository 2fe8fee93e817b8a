"""Checks before and after the start: free ports, and readiness of all services."""

import asyncio
import socket
from contextlib import suppress

import httpx

from deploy.local.environment import SERVICES
from deploy.local.processes import Port
from deploy.local.settings import LocalSettings
from heliograph.runtime.startup import StartupError

_LOOK_AGAIN = 0.05  #: seconds


class PortsTaken(StartupError):
    """A port is in use; the message names its setting."""


def check_ports(host: str, ports: list[Port]) -> None:
    """Raises PortsTaken."""
    taken = [port for port in ports if port.number and not _is_free(host, port.number)]
    if taken:
        reasons = [f"port {p.number} is taken: set {p.setting} to a free one" for p in taken]
        raise PortsTaken("\n".join(reasons))


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def addresses(settings: LocalSettings) -> list[str]:
    """Readiness URLs of all our processes."""
    return [
        f"http://{settings.host}:{port}" for s in SERVICES for port in settings.service_ports(s)
    ]


async def until_ready(*addresses: str) -> None:
    """Wait until `/readyz` of every process is 200."""
    async with httpx.AsyncClient(timeout=3, trust_env=False) as client:
        waiting = set(addresses)
        while waiting:
            for address in list(waiting):
                with suppress(httpx.HTTPError):
                    if (await client.get(f"{address}/readyz")).is_success:
                        waiting.discard(address)
            if waiting:
                await asyncio.sleep(_LOOK_AGAIN)


async def until_bound(host: str, ports: list[Port]) -> None:
    """Wait until each port is."""
    waiting = {port.number for port in ports}
    while waiting:
        waiting = {number for number in waiting if _is_free(host, number)}
        if waiting:
            await asyncio.sleep(_LOOK_AGAIN)
