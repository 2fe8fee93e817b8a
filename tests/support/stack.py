"""All of Heliograph as its users run it: `python -m deploy.local up`, on free ports, with short waits."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import httpx

from deploy.local.processes import ROOT
from deploy.local.settings import STRIDE, LocalSettings
from heliograph.client import Client
from heliograph.contracts.sim import SimRecord, read_ledger
from tests.support.servers import free_port, free_row
from tests.support.timeouts import TIMEOUT

#: settings that say how many processes of a service there are
COUNTS = {
    "gateway": "HELIOGRAPH_GATEWAYS",
    "render": "HELIOGRAPH_RENDERS",
    "storage": "HELIOGRAPH_STORAGES",
    "status": "HELIOGRAPH_STATUSES",
}

#: waits that a person would not wait for in a test, and some that a busy machine needs
SHORT = {
    "HELIOGRAPH_ACK_WAIT": "2",
    "HELIOGRAPH_SUBMIT_LIMIT": "2",
    "HELIOGRAPH_BACKOFF_MIN": "0.2",
    "HELIOGRAPH_BACKOFF_MAX": "0.5",
    "HELIOGRAPH_POLL_MIN": "0.05",
    "HELIOGRAPH_POLL_MAX": "0.3",
    "HELIOGRAPH_SWEEP_IDLE_AFTER": "3",
    "HELIOGRAPH_SWEEP_INTERVAL": "1",
    "HELIOGRAPH_SLOT_CLAIM_TIMEOUT": "2",
    "HELIOGRAPH_BUDGET_CONFIRMED_WITHIN": "2",
    "HELIOGRAPH_PRESIGN_TIMEOUT": "2",
    "HELIOGRAPH_READ_YOUR_WRITES_TIMEOUT": "4",
    "HELIOGRAPH_RESULT_CACHE_TIMEOUT": "4.5",
    "HELIOGRAPH_MISSING_RESULT_DEADLINE": "3",
    "HELIOGRAPH_LOG_FORMAT": "json",
    "HELIOGRAPH_EVENTS_MAX_BYTES": str(2**29),
}


class Stack:
    """
    A running Heliograph.

    Args:
        preloaded: Start its services as forks of a process that has imported them; see
            `preloaded_services`. Not for tests of what a process shows of itself.
    """

    def __init__(self, home: Path, settings: Mapping[str, str], *, preloaded: bool = False) -> None:
        counts = {name: int(settings.get(variable, "1")) for name, variable in COUNTS.items()}
        self.ports = {name: free_row(count, STRIDE) for name, count in counts.items()}
        self.ports |= {name: free_port() for name in ("nats", "s3", "s3_internal")}
        #: every process of ours, as its pid file is called
        self.processes = [
            name if number == 1 else f"{name}-{number}"
            for name, count in counts.items()
            for number in range(1, count + 1)
        ]
        self.everything = ["nats", "s3", *self.processes]
        self.gateways = [self.url("gateway", n + 1) for n in range(counts["gateway"])]
        self.home = home
        ports = {f"HELIOGRAPH_{n.upper()}_PORT": str(p) for n, p in self.ports.items()}
        self.environment = {
            **os.environ,
            "HELIOGRAPH_HOME": str(home),
            **ports,
            **SHORT,
            **settings,
        }
        module = "tests.support.preloaded_services" if preloaded else "deploy.local"
        self.command = [sys.executable, "-m", module, "up"]
        self.output: list[str] = []
        self._running: subprocess.Popen[str] | None = None

    def url(self, service: str, number: int = 1) -> str:
        """Of a service, or of its second process, and so on."""
        return f"http://127.0.0.1:{self.ports[service] + STRIDE * (number - 1)}"

    @property
    def nats(self) -> str:
        """The bundled server, or the one that the settings name, with the credentials."""
        return self.environment.get("HELIOGRAPH_NATS_URL", self.bundled_nats)

    @property
    def bundled_nats(self) -> str:
        """The server with its store at our home, whichever way services reach it."""
        return LocalSettings(home=self.home, nats_port=self.ports["nats"]).nats_login

    @property
    def live(self) -> str:
        return f"ws://127.0.0.1:{self.ports['status']}/v1/live"

    def client(self, project: str) -> Client:
        return Client(self.url("gateway"), project=project)

    def start(self) -> None:
        """Returns when the `ready` line is there."""
        self._running = subprocess.Popen(
            self.command,
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        reached: Queue[bool] = Queue()  # ready, or ended
        threading.Thread(target=self._read, args=(self._running, reached), daemon=True).start()
        with suppress(Empty):
            if reached.get(timeout=TIMEOUT):
                return
        self.stop()
        raise TimeoutError("not ready:\n" + "".join(self.output[-40:]))

    def _read(self, running: subprocess.Popen[str], reached: Queue[bool]) -> None:
        assert running.stdout
        with running.stdout as lines:
            for line in lines:
                self.output.append(line)
                if line.startswith("ready "):
                    reached.put(True)
        reached.put(False)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end. Returns its exit code."""
        if self._running is None:
            return 0
        self._running.send_signal(number)
        return self._running.wait(timeout=40)

    def kill_supervisor(self) -> None:
        """`kill -9` of what keeps the processes running."""
        assert self._running
        self._running.kill()
        self._running.wait()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Started, until the block ends."""
        self.start()
        try:
            yield
        finally:
            self.stop()

    @contextmanager
    def another(self, service: str, **settings: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
        """One more process of a service, with settings of its own, and its address once it is ready."""
        port = {f"HELIOGRAPH_{service.upper()}_PORT": "0"}
        with subprocess.Popen(
            [sys.executable, "-m", f"services.{service}"],
            cwd=ROOT,
            env={**self.environment, **port, **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process:
            assert process.stdout
            address = process.stdout.readline().split()[-1]
            try:
                _until_ready(address, process)
                yield process, address
            finally:
                process.kill()

    def pid(self, name: str) -> int | None:
        """What the pid file says; None while there is none."""
        try:
            return int((self.home / "run" / f"{name}.pid").read_text())
        except (FileNotFoundError, ValueError):
            return None

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> bool:
        """Send a signal to a process; False when it is not there right now."""
        pid = self.pid(name)
        if pid is None:
            return False
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return False
        return True

    def restart(self, *names: str) -> None:
        """`kill -9` of all of these, one after the other, until each is started again."""
        pids = {name: self.pid(name) for name in names}
        for name, pid in pids.items():
            assert pid, f"{name} does not run"
            self.kill(name)
        for name, pid in pids.items():
            assert pid
            self.until_restarted(name, pid)

    def until_restarted(self, name: str, old: int) -> None:
        """Until the pid file names another process than `old`."""
        end = time.monotonic() + TIMEOUT
        while self.pid(name) in (None, old):
            if time.monotonic() > end:
                raise TimeoutError(f"{name} was not started again")
            time.sleep(0.05)

    def ledger(self, project: str) -> list[SimRecord]:
        """What the sim provider accepted for a project."""
        return [record for record in read_ledger(self.home) if record.project == project]

    def logs(self, name: str) -> list[dict[str, Any]]:
        """A service's structured log lines."""
        lines = (self.home / "logs" / f"{name}.log").read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]


def _until_ready(address: str, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end and process.poll() is None:
        with suppress(httpx.TransportError):
            if httpx.get(f"{address}/readyz").is_success:
                return
        time.sleep(0.05)
    raise TimeoutError(f"{address} is not ready")


def is_alive(pid: int) -> bool:
    """Whether there is such a process. One that is only not waited for is dead."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@contextmanager
def stack_running(
    home: Path, settings: Mapping[str, str] | None = None, *, preloaded: bool = False
) -> Iterator[Stack]:
    """All of it, until the block ends."""
    stack = Stack(home, settings or {}, preloaded=preloaded)
    with stack.running():
        yield stack
