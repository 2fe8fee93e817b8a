"""The peers' side of the makespan: their environment, their servers, and their programs."""

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.deployment import CACHE
from bench.figures import say
from deploy.local.processes import ROOT, Process, nats_server
from deploy.local.settings import LocalSettings
from tests.support.servers import free_port
from tests.support.servers.ports import until_nats_ready

PEERS = {
    "faststream_pull": "FastStream pull worker",
    "taskiq_pull": "taskiq-nats",
    "arq_worker": "arq",
    "celery_worker": "Celery (threads)",
}
_ON_REDIS = frozenset({"arq_worker", "celery_worker"})
_LOCK = Path(__file__).with_name("peers") / "requirements.lock"
_SPARE = 3.0  #: a peer may need so many times the ideal
_START = 60.0  #: seconds, beside that


@dataclass(frozen=True)
class Rivals:
    """What is there to run peers with."""

    python: str
    nats: str
    redis: str | None
    pids: dict[str, int]  #: of the servers

    def names(self) -> list[str]:
        return [name for name in PEERS if self.redis or name not in _ON_REDIS]

    async def run(self, name: str, cap: int, seconds: list[float], ideal: float) -> float:
        """
        Let one peer do the jobs; from the first start to the last end, in seconds.

        Raises:
            TimeoutError: The peer did not finish in time.
            RuntimeError: The peer failed.
        """
        task = {"cap": cap, "seconds": seconds, "nats": self.nats, "redis": self.redis or ""}
        process = await asyncio.create_subprocess_exec(
            self.python,
            "-m",
            f"bench.peers.{name}",
            json.dumps(task),
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(_SPARE * ideal + _START):
                printed, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            raise RuntimeError(f"{name} ended with {process.returncode}")
        times = json.loads(printed.splitlines()[-1])
        return float(max(end for _, end in times) - min(begin for begin, _ in times))


@contextmanager
def rivals() -> Iterator[Rivals]:
    """Servers for the peers, for as long as the block runs. Their NATS has our configuration."""
    python = environment()
    CACHE.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="peers-", dir=CACHE) as name,
        _nats(Path(name)) as (nats, nats_pid),
        _redis(Path(name)) as (redis, redis_pid),
    ):
        yield Rivals(python, nats, redis, {"nats": nats_pid, "redis": redis_pid})


def environment() -> str:
    """The peers' Python, with all of them; installed when it is first needed."""
    python = CACHE / "peers" / "bin" / "python"
    if not python.exists():
        say("  installing the peers, once")
        uv = shutil.which("uv") or str(ROOT / ".tools" / "bin" / "uv")
        subprocess.run([uv, "venv", "--quiet", str(CACHE / "peers")], check=True)
        install = [uv, "pip", "install", "--quiet", "--python", str(python)]
        install += ["--require-hashes", "--requirements", str(_LOCK)]
        subprocess.run(install, check=True)
    return str(python)


def redis_program() -> str | None:
    """Redis' server, where it is installed."""
    return shutil.which("redis-server")


@contextmanager
def _nats(folder: Path) -> Iterator[tuple[str, int]]:
    settings = LocalSettings(home=folder, nats_port=free_port())
    with _running(nats_server(settings)) as pid:
        until_nats_ready(settings.nats)
        yield settings.nats_login, pid


@contextmanager
def _redis(folder: Path) -> Iterator[tuple[str | None, int]]:
    program = redis_program()
    if program is None:
        say("  no redis-server (Debian: apt install redis-server): arq and Celery are left out")
        yield None, 0
        return
    port = free_port()
    command = [program, "--port", str(port), "--dir", str(folder), "--appendonly", "yes"]
    command += ["--appendfsync", "always", "--save", ""]  # as durable as the others
    with _running(Process("redis", command)) as pid:
        yield f"redis://127.0.0.1:{port}/0", pid


@contextmanager
def _running(program: Process) -> Iterator[int]:
    quiet = subprocess.DEVNULL
    environment = {**os.environ, **program.environment}
    process = subprocess.Popen(program.command, env=environment, stdout=quiet, stderr=quiet)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(timeout=20)
