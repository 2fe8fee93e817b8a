"""A Heliograph to measure: all of it, with the settings it ships with, on free ports, on the disk."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import nats

from bench.http_load import Load, Posted
from bench.process_usage import cpu_of
from heliograph.runtime.bus.jetstream import JetStream
from tests.support.stack import SHORT, Stack

CACHE = Path(__file__).with_name(".cache")

_IDLE = 0.1  #: seconds of processor time in a second

#: what has to be larger than it ships for a benchmark to be possible at all
ROOMY = {
    "HELIOGRAPH_MAX_QUEUED": "1000000",
    "HELIOGRAPH_MAX_QUEUED_PER_PROJECT": "1000000",
    "HELIOGRAPH_EVENTS_MAX_BYTES": str(8 * 2**30),
}


class Deployment:
    """A running Heliograph, and what benchmarks do with it."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.nats = stack.bundled_nats
        self.key: str | None = None  #: API key, where it wants one

    def jobs_of(self, project: str, gateway: int = 1) -> str:
        """Where a project's jobs are asked for."""
        return f"{self.stack.url('gateway', gateway)}/v1/projects/{project}/jobs"

    def change_lane(self, lane: str, **changes: Any) -> None:
        """Turn a lane, as its operator would."""
        self.send("PATCH", f"/v1/lanes/{lane}", changes)

    def change_account(self, account: str, **changes: Any) -> None:
        """Turn an account, as its operator would."""
        self.send("PATCH", f"/v1/accounts/{account}", changes)

    def send(self, method: str, path: str, body: dict[str, Any]) -> None:
        """A request of its operator. Raises when it is refused."""
        url = f"{self.stack.url('gateway')}{path}"
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        response = httpx.request(
            method, url, json=body, headers=headers, timeout=30, trust_env=False
        )
        response.raise_for_status()

    def waiting(self, lane: str) -> int:
        """Jobs in a lane's queue."""
        lanes = httpx.get(f"{self.stack.url('gateway')}/v1/lanes", timeout=30, trust_env=False)
        return next(int(each["waiting"]) for each in lanes.json()["items"] if each["name"] == lane)

    def succeeded(self, project: str) -> int:
        """Jobs of a project that have, by the read model."""
        query = {"counts": "true", "limit": "1"}
        page = httpx.get(self.jobs_of(project), params=query, timeout=60, trust_env=False)
        return int(page.raise_for_status().json()["counts"].get("succeeded", 0))

    def cpu(self, *names: str) -> float:
        """Seconds of processor time that processes, and all that these started, have used so far."""
        return sum(cpu_of(self._pid(name)) for name in names)

    def _pid(self, name: str) -> int:
        if (pid := self.stack.pid(name)) is None:
            raise RuntimeError(f"{name} does not run")
        return pid

    async def until_ready(self, name: str) -> None:
        """Until a process that was started again says that it is alive; a minute at most."""
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client, asyncio.timeout(60):
            while True:
                with suppress(httpx.TransportError):
                    await client.get(f"{self.stack.url(name)}/healthz")
                    return
                await asyncio.sleep(0.02)

    async def until_idle(self, name: str) -> None:
        """Until a process has hardly anything to do; a minute at most."""
        used = self.cpu(name)
        for _ in range(60):
            await asyncio.sleep(1)
            before, used = used, self.cpu(name)
            if used - before < _IDLE:
                return

    @asynccontextmanager
    async def bus(self) -> AsyncIterator[JetStream]:
        """A look at the server, beside the services."""
        client = await nats.connect(self.nats)
        try:
            yield JetStream(client, timeout=60)
        finally:
            await client.close()


@contextmanager
def new_home() -> Iterator[Path]:
    """A folder on the disk that the checkout is on: elsewhere may be memory, where writing is free."""
    CACHE.mkdir(exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="home-", dir=CACHE))
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def deployment(home: Path | None = None, **settings: str) -> Iterator[Deployment]:
    """Everything started; gone when the block ends. Without a home it gets a new one."""
    if home is None:
        with new_home() as new, deployment(new, **settings) as running:
            yield running
        return
    stack = Stack(home, {**ROOMY, **settings})
    kept = {*ROOMY, *settings, *_places(stack)}
    for name in {*SHORT, *os.environ}:  # neither the tests' short waits nor a developer's shell
        if name.startswith("HELIOGRAPH_") and name not in kept:
            stack.environment.pop(name, None)
    stack.start()
    try:
        yield Deployment(stack)
    finally:
        stack.stop()


def _places(stack: Stack) -> set[str]:
    return {"HELIOGRAPH_HOME", *(f"HELIOGRAPH_{name.upper()}_PORT" for name in stack.ports)}


async def program(module: str, task: str, *, timeout: float) -> str:
    """Run one of our programs to its end; what it prints."""
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, task, stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(timeout):
            printed, _ = await running.communicate()
    finally:
        if running.returncode is None:
            running.kill()
            await running.wait()
    if running.returncode:
        raise RuntimeError(f"{module} ended with {running.returncode}")
    return printed.decode()


async def post_from_outside(load: Load) -> Posted:
    """Carry out a load in a process of its own."""
    timeout = load.seconds + load.warm_up + 60 + (load.count or 0) / 50
    return Posted.model_validate_json(
        await program("bench.http_load", load.model_dump_json(), timeout=timeout)
    )


@contextmanager
def fast_server() -> Iterator[str]:
    """The server that does nothing; its address."""
    command = [sys.executable, "-m", "bench.accept_server"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout
        try:
            yield running.stdout.readline().strip()
        finally:
            running.terminate()


def scene(seconds: float = 0, *, price: str | None = None, **fields: Any) -> dict[str, Any]:
    """A job that makes a short text after some seconds: what it costs is what we cost."""
    parameters = {"seconds": seconds, "num_scenes": 1, "steps": 1}
    return {
        "kind": "scenes",
        "prompt": "A lighthouse keeper and her dog wait for the storm to pass.",
        "parameters": {**parameters, "price": price} if price else parameters,
        **fields,
    }


def picture(seconds: float = 0, **fields: Any) -> dict[str, Any]:
    """A job that makes a picture, which is painted, fetched, opened and made smaller."""
    parameters = {"seconds": seconds, "steps": 1}
    return {"kind": "image", "prompt": "a lighthouse", "parameters": parameters, **fields}
