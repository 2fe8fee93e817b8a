"""A deployment is lost, and comes back from its backup on a new machine."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from heliograph.client import Client
from tests.support.fal.emulator_process import FalAccount, FalServer
from tests.support.polling import until, until_true
from tests.support.records import some_project
from tests.support.shell import run_process
from tests.support.stack import Stack
from tests.support.watcher import watching

MODEL = "fal/flux-schnell"


@pytest.fixture
def fal(fal_server: FalServer) -> FalAccount:
    """It calls nobody, so render asks it for results."""
    account = fal_server.account(uuid4().hex)
    account.change(calls_back=False)
    return account


def a_machine(home: Path, fal: FalAccount) -> Stack:
    return Stack(home, {"HELIOGRAPH_FAL_BASE_URL": fal.url, "FAL_KEY": fal.key})


@contextmanager
def servers_of(machine: Stack) -> Iterator[None]:
    """NATS and S3 of a machine, without any service."""
    command, machine.command = machine.command, [sys.executable, "-m", "deploy.local", "servers"]
    with machine.running():
        yield
    machine.command = command


def done_by(machine: Stack, *command: str) -> str:
    """What a command printed that had to succeed, as the user of the bus that is for it alone."""
    user = machine.home / "nats-users" / f"{command[0]}.nk"
    login = {
        "HELIOGRAPH_NATS_URL": f"nats://127.0.0.1:{machine.ports['nats']}",
        "HELIOGRAPH_NATS_NKEY_FILE": str(user),
    }
    ended = run_process(machine, *command, **login)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def pause_lane(machine: Stack, *, paused: bool) -> None:
    address = f"{machine.url('gateway')}/v1/lanes/shots"
    httpx.patch(address, json={"paused": paused}).raise_for_status()


async def test_a_lost_deployment_comes_back_and_pays_nothing_twice(
    fal: FalAccount, tmp_path: Path
) -> None:
    old, new = a_machine(tmp_path / "old", fal), a_machine(tmp_path / "new", fal)
    project, backup = some_project(), str(tmp_path / "backup")
    done, running, waiting = (uuid4().hex for _ in range(3))
    fal.plan(running, queued=0.1, seconds=20)

    with old.running():
        pause_lane(old, paused=True)
        async with old.client(project) as client:
            first = await client.submit(kind="portrait", prompt=done, model=MODEL)
            [picture] = (await client.wait(first.id)).assets
            second = await client.submit(kind="portrait", prompt=running, model=MODEL)
            await until(client, second.id, phase="rendering")
            third = await client.submit(kind="shot", prompt=waiting, model=MODEL)

            done_by(old, "backup", backup)

            pause_lane(old, paused=False)
            await client.wait(third.id)  # paid after the backup, which knows nothing of it
        async with watching(old.live, project=project) as watcher:
            cursor = await watcher.next()
        old.kill_supervisor()
    with servers_of(new):
        restored = done_by(new, "restore", backup)
    with new.running():
        async with new.client(project) as client:
            job = await client.get(first.id)
            [asset] = job.assets
            file = await client.download(asset, tmp_path / "picture")
            resumed = await client.wait(second.id)
            unsure = await client.get(third.id)
            await until_true(lambda: _lists(client, {first.id, second.id, third.id}))
            paid = {prompt: len(fal.accepted(prompt)) for prompt in (done, running, waiting)}
            pause_lane(new, paused=False)  # as it was in the backup
            again = await client.wait((await client.retry(third.id, start="submit")).id)
        after = {"epoch": cursor["epoch"], "sequence": cursor["head"]}
        async with watching(new.live, project=project, after=after) as watcher:
            subscribed = await watcher.next()

    assert "1 jobs may have been submitted after the backup" in restored
    assert (asset.sha256, file.stat().st_size) == (picture.sha256, picture.bytes)
    assert (resumed.status, resumed.charged) == ("succeeded", "yes")
    assert unsure.error
    assert (unsure.status, unsure.error.code, unsure.charged) == ("failed", "restored", "unknown")
    assert subscribed["epoch"] != cursor["epoch"]
    assert subscribed["recovered"] is False
    assert paid == {done: 1, running: 1, waiting: 1}
    assert (again.status, len(fal.accepted(waiting))) == ("succeeded", 2)  # by a decision


async def _lists(client: Client, jobs: set[str]) -> bool:
    """The read model was made again."""
    return {job.id async for job in client.jobs()} == jobs


async def test_what_did_not_run_since_the_backup_may_run(fal: FalAccount, tmp_path: Path) -> None:
    old, new = a_machine(tmp_path / "old", fal), a_machine(tmp_path / "new", fal)
    project, backup, waiting = some_project(), str(tmp_path / "backup"), uuid4().hex

    with old.running():
        pause_lane(old, paused=True)
        async with old.client(project) as client:
            job = await client.submit(kind="shot", prompt=waiting, model=MODEL)
        done_by(old, "backup", backup)
        old.kill_supervisor()
    with servers_of(new):
        done_by(new, "restore", backup, "--run-unsent")
    with new.running():
        pause_lane(new, paused=False)  # as it was in the backup
        async with new.client(project) as client:
            ended = await client.wait(job.id)

    assert (ended.status, len(fal.accepted(waiting))) == ("succeeded", 1)


async def test_a_running_deployment_is_not_restored_into(tmp_path: Path, fal: FalAccount) -> None:
    machine, backup = a_machine(tmp_path / "home", fal), tmp_path / "backup"

    with machine.running():
        done_by(machine, "backup", str(backup), "--no-objects")
        refused = run_process(machine, "restore", str(backup))

    assert refused.returncode == 1
    assert "NATS has streams already" in refused.stderr
