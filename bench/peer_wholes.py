"""The whole by hand, twice: each peer's servers and processes, started together and measured alike."""

import asyncio
import json
import os
import secrets
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx

from bench.deployment import CACHE
from bench.peer_runs import Rivals
from bench.peers.whole_task import BUCKET, WholeTask
from deploy.local.processes import ROOT, program
from tests.support.servers import free_port

_START = 60.0  #: seconds until a process responds
_STALLED = 60.0  #: seconds without a job that ends

FASTSTREAM, CELERY = "FastAPI + FastStream + JetStream", "FastAPI + Celery + Redis + SQLite"


@dataclass(frozen=True)
class Part:
    """A process of a peer."""

    role: str
    has_http: bool = True  #: it has a web server


@dataclass(frozen=True)
class Whole:
    """A peer: its module, its processes in the order that they start, and who knows what succeeded."""

    module: str
    parts: tuple[Part, ...]
    counts: str
    needs_redis: bool = False


WHOLES = {
    FASTSTREAM: Whole(
        "faststream_whole",
        (Part("render"), Part("storage"), Part("status"), Part("gateway")),
        "status",
    ),
    CELERY: Whole(
        "celery_whole",
        (Part("worker", has_http=False), Part("gateway")),
        "gateway",
        needs_redis=True,
    ),
}


@dataclass(frozen=True)
class RunningWhole:
    """A peer that takes jobs."""

    processes: dict[str, int]  #: pids
    gateway: str
    counts: str

    def jobs_of(self, project: str) -> str:
        """Where a project's jobs are asked for."""
        return f"{self.gateway}/v1/projects/{project}/jobs"

    async def until_succeeded(self, count: int) -> None:
        """Wait until so many jobs have succeeded. Raises TimeoutError when no more do."""
        clock = asyncio.get_running_loop().time
        seen, since = -1, clock()
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            while (done := (await client.get(f"{self.counts}/succeeded")).json()) < count:
                if done != seen:
                    seen, since = done, clock()
                if clock() - since > _STALLED:
                    raise TimeoutError(f"{done} of {count} jobs succeeded, and no more")
                await asyncio.sleep(0.1)


@contextmanager
def hosted_model(python: str, film: Path | None = None) -> Iterator[str]:
    """The provider of peers, and of ours where it is asked as fal is; its address."""
    port = free_port()
    command = [python, "-m", "bench.peers.hosted_model", str(port)]
    with _process([*command, str(film)] if film else command):
        _wait_for(f"http://127.0.0.1:{port}/files/text.json")
        yield f"http://127.0.0.1:{port}"


@contextmanager
def whole(name: str, rivals: Rivals, provider: str) -> Iterator[RunningWhole]:
    """A peer with servers of its own, for as long as the block runs."""
    described = WHOLES[name]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=CACHE)))
        s3, keys, s3_pid = stack.enter_context(s3_server(folder))
        processes, ports = {"s3": s3_pid}, dict[str, int]()
        for part in described.parts:
            ports[part.role] = free_port()
            task = WholeTask(
                role=part.role,
                port=ports[part.role],
                provider=provider,
                s3=s3,
                access_key=keys[0],
                secret_key=keys[1],
                nats=rivals.nats,
                redis=rivals.redis or "",
                database=str(folder / "status.sqlite"),
            )
            command = [
                rivals.python,
                "-m",
                f"bench.peers.{described.module}",
                json.dumps(asdict(task)),
            ]
            processes[part.role] = stack.enter_context(_process(command))
            if part.has_http:
                _wait_for(f"http://127.0.0.1:{ports[part.role]}/healthz")
        server = "redis" if described.needs_redis else "nats"
        processes[server] = rivals.pids[server]
        gateway, counts = (f"http://127.0.0.1:{ports[r]}" for r in ("gateway", described.counts))
        yield RunningWhole(processes, gateway, counts)


@contextmanager
def s3_server(folder: Path) -> Iterator[tuple[str, tuple[str, str], int]]:
    """The store that we bundle, as our own storage reaches it: its place, its keys, its pid."""
    place, keys = f"127.0.0.1:{free_port()}", (secrets.token_hex(8), secrets.token_hex(16))
    (folder / "s3" / BUCKET).mkdir(parents=True)
    options = ["--addr", place, "--vfs-cache-mode", "off", "--config", ""]
    command = [program("rclone"), "serve", "s3", *options, str(folder / "s3")]
    login = f'"{",".join(keys)}"'  # quoted: lists are read as CSV
    with _process(command, RCLONE_AUTH_KEY=login) as pid:
        _wait_for(f"http://{place}", any_status=True)
        yield place, keys, pid


@contextmanager
def _process(command: list[str], **environment: str) -> Iterator[int]:
    variables = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    quiet = subprocess.DEVNULL
    running = subprocess.Popen(command, cwd=ROOT, env=variables, stdout=quiet, stderr=quiet)
    try:
        yield running.pid
    finally:
        running.terminate()
        try:
            running.wait(timeout=20)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


def _wait_for(url: str, *, any_status: bool = False) -> None:
    transport = httpx.HTTPTransport(retries=0)
    with httpx.Client(transport=transport, timeout=2, trust_env=False) as client:
        for _ in range(int(_START / 0.1)):
            try:
                response = client.get(url)
                if any_status or response.is_success:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
    raise TimeoutError(f"{url} does not respond")
