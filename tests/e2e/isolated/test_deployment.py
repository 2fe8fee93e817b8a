"""Running it: one command starts everything, keeps it running, and leaves nothing behind."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from deploy.local.environment import SERVICES
from deploy.local.processes import ROOT
from tests.e2e.isolated.conftest import FirstLife
from tests.support.servers import free_port
from tests.support.shell import run_module
from tests.support.stack import Stack, is_alive
from tests.support.timeouts import TIMEOUT


def _until(is_so: Callable[[], bool], *, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it never became so"
        time.sleep(0.02)


def _is_ready(stack: Stack, service: str) -> bool:
    try:
        return httpx.get(f"{stack.url(service)}/readyz", timeout=5).is_success
    except httpx.TransportError:
        return False


def test_ctrl_c_leaves_nothing_behind(first_life: FirstLife) -> None:
    assert first_life.code == 0
    assert (first_life.alive, first_life.files, first_life.ports) == ([], [], [])


def test_it_is_ready_when_it_says_so(breakable: Stack) -> None:
    for service in SERVICES:
        assert httpx.get(f"{breakable.url(service)}/readyz").status_code == 200

    assert f"ready {breakable.url('gateway')}\n" in breakable.output
    assert all(is_alive(breakable.pid(name) or 0) for name in breakable.everything)


def test_everything_is_still_there_after_a_restart(first_life: FirstLife, breakable: Stack) -> None:
    job, url = first_life.job, breakable.url("gateway")
    with httpx.Client(timeout=TIMEOUT) as http:
        again = http.send(first_life.request)
        _until(lambda: http.get(f"{url}/v1/jobs/{job}").json()["assets"] != [])
        listed = http.get(f"{url}/v1/projects/kept/jobs").json()["items"]

    assert again.json()["id"] == job
    assert [each["id"] for each in listed] == [job]


def test_a_process_that_dies_is_started_again(breakable: Stack) -> None:
    breakable.restart(*breakable.everything)

    _until(lambda: all(_is_ready(breakable, service) for service in SERVICES))
    assert any("render ended (SIGKILL)" in line for line in breakable.output)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of a parent's death")
def test_a_killed_supervisor_takes_its_processes_along(breakable: Stack) -> None:
    pids = [breakable.pid(name) or 0 for name in breakable.everything]

    breakable.kill_supervisor()

    _until(lambda: not any(is_alive(pid) for pid in pids))
    breakable.start()


def test_a_taken_port_is_named_with_its_setting(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run_module(
            "deploy.local",
            "up",
            HELIOGRAPH_HOME=str(tmp_path),
            HELIOGRAPH_STORAGE_PORT=str(port),
            HELIOGRAPH_NATS_PORT=str(free_port()),
        )

    assert ended.returncode == 2
    assert f"port {port} is taken: set HELIOGRAPH_STORAGE_PORT" in ended.stderr


def test_non_loopback_hosts_are_refused_while_there_are_no_keys(tmp_path: Path) -> None:
    everywhere = "0.0.0.0"  # noqa: S104  # that is the point
    home = str(tmp_path)

    ended = run_module("deploy.local", "up", HELIOGRAPH_HOME=home, HELIOGRAPH_HOST=everywhere)

    assert ended.returncode == 2
    assert "HELIOGRAPH_AUTH=off needs a loopback address" in ended.stderr


def test_a_mistake_in_the_catalog_is_named_with_its_line(tmp_path: Path) -> None:
    kinds = tmp_path / "kinds.yaml"
    kinds.write_text("poster:\n  lane: nowhere\n  media: image\n  model: sim/picture\n"
                     "  expected_seconds: 1\n  timeout_seconds: 2\n")  # fmt: skip

    ended = run_module(
        "deploy.local", "up", HELIOGRAPH_HOME=str(tmp_path), HELIOGRAPH_KINDS=str(kinds)
    )

    assert ended.returncode == 2
    assert f"{kinds}:2: kinds.poster.lane: there is no lane 'nowhere'" in ended.stderr


def test_one_more_process_of_a_service_joins_the_others(breakable: Stack) -> None:
    with breakable.another("gateway") as (process, address):
        body = {"kind": "image", "prompt": "x", "parameters": {"seconds": 0}}
        job = httpx.post(f"{address}/v1/projects/demo/jobs", json=body).json()["id"]

        assert breakable.pid("gateway-2") == process.pid
        assert httpx.get(f"{breakable.url('gateway')}/v1/jobs/{job}").status_code == 200


async def test_a_stopping_worker_hands_over_at_once(breakable: Stack, project: str) -> None:
    """Its jobs go on elsewhere, long before anybody would have missed it."""
    with breakable.another("render") as (process, _):
        async with breakable.client(project) as client:
            jobs = [
                await client.submit(kind="shot", prompt=f"{n}", parameters={"seconds": 1})
                for n in range(12)
            ]
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            code = await asyncio.to_thread(process.wait, 15)
            took = time.monotonic() - began
            ended = await client.finish(*(job.id for job in jobs))

    assert code == 0
    assert took < 10
    assert {job.status for job in ended} == {"succeeded"}
    assert {job.attempt for job in ended} == {1}
    assert len(breakable.ledger(project)) == 12


def test_a_service_without_nats_lives_and_says_what_is_missing(tmp_path: Path) -> None:
    port = free_port()
    environment = {
        **os.environ,
        "HELIOGRAPH_HOME": str(tmp_path),
        "HELIOGRAPH_GATEWAY_PORT": str(port),
        "HELIOGRAPH_NATS_PORT": str(free_port()),
    }
    with subprocess.Popen(
        [sys.executable, "-m", "services.gateway"],
        cwd=ROOT,
        env=environment,
        stderr=subprocess.DEVNULL,
    ) as process:
        address = f"http://127.0.0.1:{port}"
        _until(lambda: is_alive(process.pid) and _lives(address))
        ready = httpx.get(f"{address}/readyz")
        body = {"kind": "image", "prompt": "x"}
        response = httpx.post(f"{address}/v1/projects/demo/jobs", json=body, timeout=TIMEOUT)
        process.terminate()
        code = process.wait(15)

    assert ready.status_code == 503
    assert ready.json()["dependencies"]["nats"] == "not connected yet"
    assert (response.status_code, response.json()["code"]) == (503, "unavailable")
    assert "retry-after" in response.headers
    assert code == 0


def _lives(address: str) -> bool:
    try:
        return httpx.get(f"{address}/healthz").is_success
    except httpx.TransportError:
        return False


def test_the_demo_shows_three_pictures_and_checks_every_byte(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "home", {})
    settings = {k: v for k, v in stack.environment.items() if k.startswith("HELIOGRAPH_")}

    ended = subprocess.run(
        [sys.executable, "-m", "deploy.local", "demo"],
        cwd=ROOT,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert len(re.findall(r"SHA-256 [0-9a-f]{64} checked", ended.stdout.replace("\n", ""))) == 3
    assert ended.stdout.count("X-Amz-Signature=") == 3
    assert "/docs" in ended.stdout
    assert len(list((stack.home / "demo").glob("*.png"))) == 3
    assert list((stack.home / "run").iterdir()) == []
