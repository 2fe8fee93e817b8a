"""An older release beside today's: its code from the history, each service as its operators start it."""

import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import httpx

from deploy.local.processes import ROOT
from heliograph.runtime.renamed_settings import RENAMED
from tests.support.servers import free_port
from tests.support.servers.server import missing
from tests.support.stack import SHORT
from tests.support.timeouts import TIMEOUT

BASELINE = Path(__file__).with_name("baseline")  #: the commit of release 0.1.0
SERVICES = ("gateway", "render", "storage", "status")
BESIDE = 2  #: processes of each service

_GONE = 30.0  #: seconds


class Release(NamedTuple):
    """Code of a moment in history."""

    name: str
    root: Path


TODAY = Release("today", ROOT)


def check_out(folder: Path) -> Release:
    """The baseline. Where the history does not have it, the test skips on a laptop, and fails in CI."""
    commit = BASELINE.read_text().split()[0]
    archive = subprocess.run(
        ["git", "-C", str(ROOT), "archive", commit],  # noqa: S607  # whichever git there is
        capture_output=True,
        check=False,
    )
    if archive.returncode:
        missing(f"this clone does not have the commit of release 0.1.0: {archive.stderr.decode()}")
    with tarfile.open(fileobj=BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    return Release("0.1.0", folder)


class Place(NamedTuple):
    """Where one process of a service is, whatever release it is of."""

    service: str
    number: int


def _under_old_names(settings: Mapping[str, str]) -> dict[str, str]:
    """Settings as both releases read them."""
    old_names = {f"HELIOGRAPH_{n}".upper(): f"HELIOGRAPH_{o}".upper() for o, n in RENAMED.items()}
    return {old_names.get(name, name): value for name, value in settings.items()}


class Deployment:
    """Processes of two releases on the same servers and the same home."""

    def __init__(self, home: Path, settings: Mapping[str, str]) -> None:
        places = [Place(service, n) for n in range(BESIDE) for service in SERVICES]
        self.ports = {place: free_port() for place in places}
        self.places = places
        self.home = home
        renders = [f"127.0.0.1:{self.ports[place]}" for place in places if "render" in place]
        self._environment = {
            **os.environ,
            **_under_old_names(SHORT),
            **settings,
            "HELIOGRAPH_HOME": str(home),
            "HELIOGRAPH_PROVIDER_HOSTS": ",".join(renders),
            "PYTHONUNBUFFERED": "1",
        }
        self._running: dict[Place, subprocess.Popen[bytes]] = {}

    def url(self, service: str, number: int) -> str:
        return f"http://127.0.0.1:{self.ports[Place(service, number)]}"

    def start(self, place: Place, release: Release) -> None:
        """A process of a release, where there is none."""
        own = {f"HELIOGRAPH_{s.upper()}_PORT": str(self.ports[Place(s, 0)]) for s in SERVICES}
        own[f"HELIOGRAPH_{place.service.upper()}_PORT"] = str(self.ports[place])
        with (self.home / f"{place.service}-{place.number}.log").open("ab") as log:
            self._running[place] = subprocess.Popen(
                [sys.executable, "-m", f"services.{place.service}"],
                cwd=release.root,  # the first place that Python looks for code in
                env=self._environment | own,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def until_ready(self, *places: Place) -> None:
        """Until all of them are."""
        end = time.monotonic() + TIMEOUT
        for place in places:
            while not self._is_ready(place):
                if time.monotonic() > end:
                    raise TimeoutError(f"{place} is not ready:\n{self.log(place)[-4_000:]}")
                time.sleep(0.1)

    def _is_ready(self, place: Place) -> bool:
        try:
            url = f"http://127.0.0.1:{self.ports[place]}/readyz"
            return httpx.get(url, timeout=5, trust_env=False).is_success
        except httpx.TransportError:
            return False

    def replace(self, place: Place, release: Release) -> None:
        """By a process of another release, as a rolling upgrade does."""
        self.end(place)
        self.start(place, release)
        self.until_ready(place)

    def end(self, place: Place) -> None:
        running = self._running.pop(place)
        running.send_signal(signal.SIGTERM)
        try:
            running.wait(_GONE)
        finally:
            running.kill()

    def end_all(self) -> None:
        for place in list(self._running):
            self._running[place].send_signal(signal.SIGTERM)
        for place in list(self._running):
            self.end(place)

    def log(self, place: Place) -> str:
        return (self.home / f"{place.service}-{place.number}.log").read_text()

    def code_of(self, place: Place) -> Path:
        """Where the code of a process comes from, as the kernel says."""
        return Path(f"/proc/{self._running[place].pid}/cwd").resolve()
