"""
A generator of requests: `POST`s over keep-alive connections, from a process of its own.

Hand-made, because the usual Python clients need more time for a request than the gateway does.
Reads what to do as JSON on the command line, and prints what came of it as JSON.
"""

import asyncio
import itertools
import json
import secrets
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel

from bench.load import Act, drive, each_once

PATIENCE = 30.0  #: seconds for one response


class Load(BaseModel):
    """Requests to send."""

    url: str
    more_urls: list[str] = []  #: of the same server, in turn with `url`
    body: dict[str, Any]
    key: str | None = None  #: API key
    at_once: int = 1  #: connections
    seconds: float = 1.0
    rate: float | None = None  #: requests per second; null: as fast as responses come
    count: int | None = None  #: exactly so many, as fast as responses come, instead of `seconds`
    warm_up: float = 1.0  #: seconds


class Posted(BaseModel):
    """Result of a load."""

    rate: float = 0.0  #: responses per second
    p50: float = 0.0  #: milliseconds
    p99: float = 0.0
    most: float = 0.0
    statuses: dict[int, int]

    def check(self, status: int = 202) -> "Posted":
        """Raises RuntimeError when any response had another status."""
        if set(self.statuses) - {status}:
            raise RuntimeError(f"not every response was {status}: {self.statuses}")
        return self


class Poster:
    """One connection."""

    def __init__(self, load: Load, heads: Iterator[str], statuses: Counter[int]) -> None:
        address = urlsplit(load.url)
        self._place = (address.hostname or "127.0.0.1", address.port or 80)
        self._body = json.dumps(load.body).encode()
        self._heads = heads
        self._statuses = statuses

    async def open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection(*self._place)

    async def post(self) -> None:
        """One request with a key of its own, and its response."""
        head = next(self._heads).format(key=secrets.token_hex(12)).encode()
        async with asyncio.timeout(PATIENCE):
            self._writer.write(head + self._body)
            response = (await self._reader.readuntil(b"\r\n\r\n")).decode()
            await self._reader.readexactly(_length(response))
        self._statuses[int(response.split(" ", 2)[1])] += 1


def _heads(load: Load) -> Iterator[str]:
    """Of each address in turn, with a place for the key."""
    length = len(json.dumps(load.body).encode())
    authorization = f"Authorization: Bearer {load.key}\r\n" if load.key else ""
    addresses = [urlsplit(url) for url in (load.url, *load.more_urls)]
    return itertools.cycle(
        f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n"
        f"{authorization}Idempotency-Key: {{key}}\r\n\r\n"
        for address in addresses
    )


def _length(head: str) -> int:
    lines = (line.partition(":") for line in head.split("\r\n"))
    return next((int(v) for name, _, v in lines if name.lower() == "content-length"), 0)


async def post(load: Load) -> Posted:
    """Carry out a load in this process."""
    statuses: Counter[int] = Counter()
    heads = _heads(load)
    posters = [Poster(load, heads, statuses) for _ in range(load.at_once)]
    await asyncio.gather(*(poster.open() for poster in posters))
    acts: list[Act] = [poster.post for poster in posters]
    if load.count is not None:
        began = asyncio.get_running_loop().time()
        await each_once(acts, load.count)
        seconds = asyncio.get_running_loop().time() - began
        return Posted(rate=load.count / seconds, statuses=statuses)
    driven = await drive(acts, seconds=load.seconds, rate=load.rate, warm_up=load.warm_up)
    times = driven.spread
    return Posted(
        rate=driven.rate, p50=times.p50, p99=times.p99, most=times.most, statuses=statuses
    )


if __name__ == "__main__":
    posted = asyncio.run(post(Load.model_validate_json(sys.argv[1])))
    sys.stdout.write(posted.model_dump_json())
