"""
A network of its own, with a listener on every address inside it: who fetches what, and who is connected to.

Run as a program by a process that may configure the network namespace it is in: its last line is JSON
with the addresses that were connected to, and how each attempt to fetch ended.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

import httpx

from heliograph.contracts.errors import HeliographError
from heliograph.runtime.fetching.errors import TargetRefused
from heliograph.runtime.fetching.fetch_hosts import FetchHosts
from heliograph.runtime.fetching.fetch_targets import FetchTarget, parse_url
from heliograph.runtime.fetching.guarded_client import GuardedClient
from heliograph.runtime.fetching.public_transport import PublicTransport
from services.render.references.download import RemoteReferences
from services.storage.http_transport import AiohttpTransport
from services.storage.outputs.download import OutputDownloader
from tests.support.hostile_urls import HOSTILE, NAMES, PUBLIC, PUBLIC6, THEN
from tests.support.name_server import NameServer

OWN = "127.0.0.1:9555"  #: the server that an operator named; it redirects to what its path says

_INSIDE4 = ("10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "192.0.0.1")
_INSIDE6 = ("fd00::1", "fd00:ec2::254")
_OUTSIDE = (PUBLIC, PUBLIC6)
_TRANSLATED = ("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::7f00:1", "2002:7f00:1::")
_ADDRESSES = (*_INSIDE4, *_INSIDE6, *_OUTSIDE, *_TRANSLATED)
_PORTS = (22, 53_000, 80, 443, 8080, 11_211)
_AT_ONCE = 16
_TIMEOUT = httpx.Timeout(2.0)

Fetch = Callable[[str], Awaitable[object]]


class AnyHost(FetchHosts):
    """An allow-list with everything on it, so that the check of addresses is alone."""

    def check(self, text: str) -> FetchTarget:
        return FetchTarget(parse_url(text), is_own=False)


def _configure(folder: Path) -> None:
    """All addresses are on the loopback interface, and names are asked of this process."""
    resolver = folder / "resolv.conf"
    resolver.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    commands = [
        "ip link set lo up",
        f"mount --bind {resolver} /etc/resolv.conf",
        *(f"ip address add {each} dev lo" for each in _ADDRESSES),
    ]
    for command in commands:
        subprocess.run(command.split(), check=True, capture_output=True)


async def _listen(stack: AsyncExitStack) -> Counter[str]:
    """Who is connected to, by address and port."""
    connected: Counter[str] = Counter()

    async def on_connection(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = writer.get_extra_info("sockname")[:2]
        connected[f"{host} {port}"] += 1
        writer.close()

    for host in ("0.0.0.0", "::"):  # noqa: S104
        for port in _PORTS:
            await stack.enter_async_context(await asyncio.start_server(on_connection, host, port))
    return connected


async def _redirect(stack: AsyncExitStack) -> None:
    """`/N` leads to the hostile address with that number."""

    async def on_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = int((await reader.readuntil(b"\r\n\r\n")).split()[1][1:])
        head = f"HTTP/1.1 302 Found\r\nLocation: {HOSTILE[number]}\r\nContent-Length: 0\r\n\r\n"
        writer.write(head.encode())
        writer.close()

    host, port = OWN.split(":")
    await stack.enter_async_context(await asyncio.start_server(on_request, host, int(port)))


async def _fetchers(stack: AsyncExitStack, folder: Path) -> dict[str, Fetch]:
    """Everything that fetches an address which callers or providers give."""
    hosts = FetchHosts(own=[OWN], public=["*.results.example"])
    downloader = await stack.enter_async_context(aclosing(OutputDownloader(hosts, deadline=0.7)))
    references = RemoteReferences([OWN, "*.results.example"])
    client = GuardedClient(
        AnyHost(),
        own=httpx.AsyncHTTPTransport(),
        public=PublicTransport(AiohttpTransport()),
        timeout=_TIMEOUT,
    )
    await stack.enter_async_context(aclosing(client))

    async def result(url: str) -> object:
        return await downloader.download(url, folder / "output", limit=1_000)

    async def unlisted(url: str) -> object:
        async with client.get(url) as response:
            return response.status_code

    return {"result": result, "reference": references.download, "unlisted": unlisted}


async def _outcome(fetch: Fetch, url: str, turns: asyncio.Semaphore) -> str:
    async with turns:
        try:
            return f"fetched: {await fetch(url)}"
        except (HeliographError, TargetRefused, httpx.HTTPError, httpx.InvalidURL) as error:
            return type(error).__name__


async def _attack(folder: Path) -> dict[str, object]:
    async with AsyncExitStack() as stack:
        loop, turns = asyncio.get_running_loop(), asyncio.Semaphore(_AT_ONCE)
        await loop.create_datagram_endpoint(
            lambda: NameServer(NAMES, THEN), local_addr=("127.0.0.1", 53)
        )
        connected = await _listen(stack)
        await _redirect(stack)
        fetchers = await _fetchers(stack, folder)
        attempts = {
            f"{name} {url!r}": (fetchers[name], url) for name in fetchers for url in HOSTILE
        }
        attempts |= {
            f"redirect of a {name} to {url!r}": (fetchers[name], f"http://{OWN}/{number}")
            for name in ("result", "reference")
            for number, url in enumerate(HOSTILE)
            if url.isascii() and url.isprintable()
        }
        attempts["control"] = (fetchers["result"], "https://v3.results.example/a.png")
        outcomes = await asyncio.gather(*(_outcome(*each, turns) for each in attempts.values()))
        return {
            "connected": connected,
            "outcomes": dict(zip(attempts, outcomes, strict=True)),
        }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        _configure(Path(name))
        sys.stdout.write(json.dumps(asyncio.run(_attack(Path(name)))))
