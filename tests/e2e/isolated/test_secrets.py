"""Secrets of `make up` reach who needs them: no other process, no other user, no error message."""

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from deploy.local.environment import SERVICES
from tests.support.shell import run_module
from tests.support.stack import Stack

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="what a process knows is read from /proc"
)


async def _picture(stack: Stack) -> None:
    """One picture, so that the program that opens them runs."""
    async with stack.client("secrets") as client:
        job = await client.submit(kind="image", prompt="x", parameters={"seconds": 0})
        assert (await client.wait(job.id)).status == "succeeded"


#: settings of glibc, which takes the second out of the first as it starts
_MALLOC = {
    "GLIBC_TUNABLES",
    "glibc.malloc.mmap_threshold",
    "glibc.malloc.trim_threshold",
    "glibc.malloc.top_pad",
}


def _environment(pid: int) -> dict[str, str]:
    entries = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return dict(entry.split("=", 1) for entry in entries if "=" in entry)


def _children(pid: int) -> list[int]:
    lines = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in lines]


def _pid(stack: Stack, name: str) -> int:
    pid = stack.pid(name)
    assert pid
    return pid


def test_a_key_of_a_provider_is_in_render_only(breakable: Stack) -> None:
    known = {
        name: {v for v in _environment(_pid(breakable, name)).values() if "canary" in v}
        for name in (*SERVICES, "nats", "s3")
    }

    assert known.pop("render") == {"canary-fal", "canary-gemini"}
    assert known == {name: set() for name in known}


def test_the_gateway_offers_the_models_all_the_same(breakable: Stack) -> None:
    models = httpx.get(f"{breakable.url('gateway')}/v1/models").text
    ready = httpx.get(f"{breakable.url('gateway')}/readyz").json()

    assert "fal/flux-schnell" in models
    assert ready["unusable_providers"].keys() == {"replicate", "openai"}


async def test_the_image_worker_has_no_secrets_and_no_network(breakable: Stack) -> None:
    await _picture(breakable)
    storage = _pid(breakable, "storage")

    inspectors = _children(storage)

    assert inspectors
    for pid in inspectors:
        assert not _environment(pid).keys() - _MALLOC
        if _may_leave_the_network():
            assert _network(pid) != _network(os.getpid())


def _network(pid: int) -> str:
    return os.readlink(f"/proc/{pid}/ns/net")


def _may_leave_the_network() -> bool:
    """Whether the kernel lets a program of ours do so."""
    program = "import ctypes; raise SystemExit(ctypes.CDLL(None).unshare(0x50000000) != 0)"
    return subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


async def test_the_home_is_closed_to_other_users(breakable: Stack) -> None:
    await _picture(breakable)
    open_to_others = []
    for folder, _, files in os.walk(breakable.home):
        paths = [Path(folder), *(Path(folder, file) for file in files)]
        open_to_others += [path for path in paths if path.lstat().st_mode & 0o077]

    assert open_to_others == []
    assert breakable.home.stat().st_mode & 0o777 == 0o700


async def test_what_was_sent_is_shown_without_signatures(breakable: Stack) -> None:
    """A provider gets addresses of references for which whoever reads them needs no key."""
    async with breakable.client("secrets") as client:
        first = await client.submit(kind="image", prompt="x", parameters={"seconds": 0})
        [asset] = (await client.wait(first.id)).assets
        second = await client.submit(
            kind="image",
            prompt="y",
            references=[{"asset": asset.id}],
            parameters={"seconds": 0},
        )
        assert (await client.wait(second.id)).status == "succeeded"

    async with httpx.AsyncClient() as http:
        shown = await http.get(f"{breakable.url('gateway')}/v1/jobs/{second.id}/attempts")

    [attempt] = shown.json()["items"]
    assert attempt["references"][0]["url"].endswith(".png?…")
    assert "X-Amz" not in shown.text


WRONG = {
    "HELIOGRAPH_HOST": ("0.0.0.0", "HELIOGRAPH_AUTH=off"),  # noqa: S104  # that is the mistake
    "HELIOGRAPH_NATS_URL": ("nats://user:canary#7@nats.example:4222", "not of the form nats://"),
}


@pytest.mark.parametrize("program", ["deploy.local", *(f"services.{name}" for name in SERVICES)])
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_setting_prints_no_secret(tmp_path: Path, program: str, name: str) -> None:
    value, reason = WRONG[name]
    settings = {"HELIOGRAPH_HOME": str(tmp_path), "FAL_KEY": "canary-fal", name: value}
    arguments = ["up"] if program == "deploy.local" else []

    ended = run_module(program, *arguments, **settings)

    assert ended.returncode != 0
    assert "canary" not in ended.stdout + ended.stderr
    assert reason in ended.stderr
