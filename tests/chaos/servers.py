"""NATS and the store of a storm, each behind a proxy, and kept running from here."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.processes import Process, nats_server, s3_server
from deploy.local.settings import LocalSettings
from deploy.local.supervisor import Supervisor
from tests.chaos.proxy import Proxy, proxied
from tests.support.stack import Stack


@dataclass(frozen=True)
class Servers:
    """The proxies in front of both, and a way to take either away."""

    nats: Proxy
    s3: Proxy
    processes: dict[str, Process]
    supervisors: dict[str, Supervisor]
    settings: LocalSettings

    async def start(self, name: str) -> None:
        supervisor = Supervisor([self.processes[name]], self.settings, quiet=True)
        self.supervisors[name] = await supervisor.__aenter__()

    async def stop(self, name: str) -> None:
        supervisor = self.supervisors.pop(name, None)
        if supervisor:
            await supervisor.__aexit__()

    async def absent(self, name: str, seconds: float) -> None:
        """Stop a server, and start it again."""
        await self.stop(name)
        try:
            await asyncio.sleep(seconds)
        finally:
            await self.start(name)


@asynccontextmanager
async def stack_behind_proxies(
    home: Path, settings: dict[str, str]
) -> AsyncIterator[tuple[Stack, Servers]]:
    """All of Heliograph, with servers of ours that its services reach through proxies only."""
    stack = Stack(home, settings)
    local = LocalSettings(
        home=home,
        nats_port=stack.ports["nats"],
        s3_port=stack.ports["s3"],
        s3_internal_port=stack.ports["s3_internal"],
    )
    async with AsyncExitStack() as until_end:
        servers = Servers(
            nats=await until_end.enter_async_context(proxied(local.nats_port)),
            s3=await until_end.enter_async_context(proxied(local.s3_port)),
            processes={"nats": nats_server(local), "s3": s3_server(local)},
            supervisors={},
            settings=local,
        )
        for name in servers.processes:
            await servers.start(name)
            until_end.push_async_callback(servers.stop, name)
        stack.environment |= {
            "HELIOGRAPH_NATS_URL": LocalSettings(home=home, nats_port=servers.nats.port).nats_login,
            "HELIOGRAPH_S3_ENDPOINT": f"http://127.0.0.1:{servers.s3.port}",
            "HELIOGRAPH_S3_PUBLIC_ENDPOINT": f"http://127.0.0.1:{local.s3_port}",
        }
        until_end.push_async_callback(asyncio.to_thread, stack.stop)
        await asyncio.to_thread(stack.start)
        yield stack, servers
