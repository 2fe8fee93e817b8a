"""A disk that was full for a moment is no outage for good."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from deploy.local.environment import SERVICES
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT

_MIB = 2**20

#: a disk of its own for the home, which only this process tree sees; then what follows
_MOUNT = 'mount -t tmpfs -o size=$1m,mode=755 none "$2" && shift 2 && exec "$@"'

SMALL = {
    "HELIOGRAPH_EVENTS_MAX_BYTES": str(32 * _MIB),
    **{
        f"HELIOGRAPH_{name}_MAX_BYTES": str(2 * _MIB)
        for name in ("WORK", "REQUESTS", "REFUSALS", "DEAD", "SLOTS", "UPLOADS", "PLANS")
    },
}  #: so that all streams fit


def _on_a_disk(home: Path, mib: int, *command: str) -> list[str]:
    """A command for which `home` is a small disk."""
    own = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
    return [*own, "sh", "-c", _MOUNT, "sh", str(mib), str(home), *command]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    try:
        tried = subprocess.run(_on_a_disk(home, 8, "true"), check=False, capture_output=True)
    except FileNotFoundError:
        pytest.skip("there is no `unshare`: disks are made by Linux")
    if tried.returncode:
        pytest.skip(f"no disk of its own: {tried.stderr.decode()}")
    return home


@pytest.fixture
def own(home: Path) -> Iterator[Stack]:
    stack = Stack(home, SMALL)
    stack.command = _on_a_disk(home, 640, *stack.command)
    stack.start()
    yield stack
    stack.stop()


def _disk(stack: Stack) -> Path:
    """The home as its processes see it."""
    assert stack._running
    return Path(f"/proc/{stack._running.pid}/root") / stack.home.relative_to("/")


def _fill(disk: Path) -> None:
    with suppress(OSError), (disk / "fill").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(_MIB))
    with suppress(OSError), (disk / "fill-the-rest").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(512))


def _free(disk: Path) -> None:
    (disk / "fill").unlink()
    (disk / "fill-the-rest").unlink()


def _until(is_so: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + TIMEOUT
    while not is_so():
        assert time.monotonic() < end, what
        time.sleep(0.2)


def _ask(stack: Stack, key: str, prompt: str) -> httpx.Response | None:
    body = {"kind": "image", "prompt": prompt, "parameters": {"seconds": 0}}
    with suppress(httpx.TransportError):
        return httpx.post(
            f"{stack.url('gateway')}/v1/projects/demo/jobs",
            json=body,
            headers={"Idempotency-Key": key},
            timeout=TIMEOUT,
        )
    return None


def _accepted(stack: Stack, key: str, prompt: str) -> bool:
    response = _ask(stack, key, prompt)
    return response is not None and response.is_success


def _is_ready(stack: Stack) -> bool:
    with suppress(httpx.TransportError):
        responses = [httpx.get(f"{stack.url(service)}/readyz", timeout=10) for service in SERVICES]
        return all(response.is_success for response in responses)
    return False


def _job(stack: Stack, key: str, prompt: str) -> dict[str, Any]:
    response = _ask(stack, key, prompt)
    assert response is not None
    job: dict[str, Any] = httpx.get(
        f"{stack.url('gateway')}/v1/jobs/{response.json()['id']}"
    ).json()
    return job


def test_everything_goes_on_by_itself_once_there_is_room(own: Stack) -> None:
    before, meanwhile = uuid4().hex, uuid4().hex
    assert _accepted(own, before, "before")
    disk = _disk(own)

    _fill(disk)
    refused = []
    for number in range(60):  # each is larger than what is left of a block
        response = _ask(own, f"{meanwhile}-{number}", "meanwhile " + "x" * 8_000)
        if response is None or not response.is_success:
            refused.append(response.status_code if response else 0)
        if len(refused) > 2:
            break
    assert refused
    assert set(refused) <= {0, 503}
    _free(disk)

    _until(lambda: _accepted(own, meanwhile, "afterwards"), "nothing is accepted any more")
    _until(lambda: _is_ready(own), "not every service is ready again")
    for key, prompt in ((before, "before"), (meanwhile, "afterwards")):
        _until(lambda k=key, p=prompt: _job(own, k, p)["status"] == "succeeded", prompt)  # type: ignore[misc]


def test_a_disk_that_is_too_small_is_refused_at_the_start(home: Path) -> None:
    stack = Stack(home, {})
    command = _on_a_disk(home, 64, sys.executable, "-m", "deploy.local", "up")

    ended = subprocess.run(
        command, env=stack.environment, capture_output=True, text=True, timeout=120, check=False
    )

    assert ended.returncode == 2
    assert "HELIOGRAPH_EVENTS_MAX_BYTES" in ended.stderr
    assert "HELIOGRAPH_NATS_MAX_STORE" in ended.stderr
