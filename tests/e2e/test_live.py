"""The live connection: nothing missed, nothing twice, and nobody slows down the others."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from heliograph.client import Client
from heliograph.contracts.id_generation import new_job_id
from heliograph.contracts.live_frames import SUBPROTOCOL
from heliograph.subscriptions import ResumeCursor
from tests.support.records import some_project
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT
from tests.support.watcher import Frame, Watcher, ends, watching

FAST = {"seconds": 0.1}


def is_op(op: str) -> Callable[[Frame], bool]:
    return lambda frame: frame["op"] == op


async def test_the_subprotocol_is_spoken(stack: Stack) -> None:
    async with watching(stack.live) as watcher:
        assert watcher._socket.subprotocol == SUBPROTOCOL


async def test_a_first_subscription_begins_with_a_snapshot(
    stack: Stack, client: Client, project: str
) -> None:
    done = await client.wait((await client.submit(kind="image", prompt="x", parameters=FAST)).id)
    running = await client.submit(kind="image", prompt="y", parameters={"seconds": 20})
    async with asyncio.timeout(TIMEOUT):  # then nothing is written for a while
        while (await client.get(running.id)).phase not in ("provider_queue", "rendering"):
            await asyncio.sleep(0.05)
    async with asyncio.timeout(TIMEOUT):  # the read model is a moment behind
        while {job.id async for job in client.jobs(status="succeeded")} != {done.id}:
            await asyncio.sleep(0.05)

    async with watching(stack.live, project=project) as watcher:
        subscribed = await watcher.next()
        snapshot = await watcher.next()

    assert subscribed["recovered"] is False
    assert snapshot["more"] is False
    assert snapshot["sequence"] <= subscribed["head"]
    jobs = {job["id"]: job for job in snapshot["jobs"]}
    if snapshot["sequence"] >= (running.sequence or 0):
        assert set(jobs) == {done.id, running.id}
    assert jobs[done.id]["assets"][0]["url"]
    assert all("internal" not in job for job in snapshot["jobs"])
    await client.cancel(running.id)


async def test_what_follows_a_snapshot_is_what_it_does_not_show(
    stack: Stack, client: Client, project: str
) -> None:
    submitting = [client.submit(kind="image", prompt=f"{n}", parameters=FAST) for n in range(6)]
    jobs = [job.id for job in await asyncio.gather(*submitting)]

    async with watching(stack.live, project=project) as watcher:
        snapshot = await watcher.until(is_op("snapshot"))
        revisions = {job["id"]: job["revision"] for job in snapshot["jobs"]}
        over = {job["id"] for job in snapshot["jobs"] if job["finished_at"]}
        while len(over) < len(jobs):
            frame = await watcher.until(is_op("event"))
            job = frame["job"]
            assert frame["sequence"] > snapshot["sequence"]
            assert job["revision"] == revisions.get(job["id"], 0) + 1
            revisions[job["id"]] = job["revision"]
            over |= {job["id"]} if job["finished_at"] else set()


async def test_only_the_jobs_named_are_followed(stack: Stack, client: Client, project: str) -> None:
    followed = await client.submit(kind="image", prompt="wanted", parameters={"seconds": 3})
    other = await client.submit(kind="image", prompt="other", parameters=FAST)

    async with watching(stack.live, project=project, jobs=[followed.id]) as watcher:
        await watcher.until(ends(followed.id))
        await client.wait(other.id)

    assert {frame["job"]["id"] for frame in watcher.events()} == {followed.id}


async def test_an_ended_job_is_in_the_snapshot_of_a_subscription_that_names_it(
    stack: Stack, client: Client, project: str
) -> None:
    job = await client.wait((await client.submit(kind="image", prompt="x", parameters=FAST)).id)

    async with watching(stack.live, project=project, jobs=[job.id]) as watcher:
        snapshot = await watcher.until(is_op("snapshot"))

    assert [each["id"] for each in snapshot["jobs"]] == [job.id]


@pytest.mark.parametrize("whose", ["nobody's", "another project's"])
async def test_a_job_that_the_project_does_not_have_is_an_error_of_its_subscription(
    stack: Stack, client: Client, project: str, whose: str
) -> None:
    own = await client.submit(kind="image", prompt="x", parameters=FAST)
    missing = new_job_id()
    if whose != "nobody's":
        async with stack.client(some_project()) as other:
            missing = (await other.submit(kind="image", prompt="x", parameters=FAST)).id

    async with watching(stack.live, project=project, jobs=[own.id, missing]) as watcher:
        error = await watcher.until(is_op("error"))
        await watcher.say(op="subscribe", id=2, project=project, jobs=[own.id])
        snapshot = await watcher.until(is_op("snapshot"))

    assert (error["id"], error["problem"]["code"]) == (1, "not_found")
    assert missing in error["problem"]["detail"]
    assert snapshot["id"] == 2


async def test_a_client_that_subscribes_from_a_rest_sequence_misses_nothing(
    stack: Stack, client: Client, project: str
) -> None:
    async with watching(stack.live, project=project) as first:
        epoch = (await first.next())["epoch"]
    job = await client.submit(kind="image", prompt="x", parameters=FAST)

    after = {"epoch": epoch, "sequence": job.sequence}
    async with watching(stack.live, project=project, after=after) as watcher:
        subscribed = await watcher.next()
        await watcher.until(ends(job.id))

    assert subscribed["recovered"] is True
    assert subscribed["head"] >= (job.sequence or 0)
    assert [frame["job"]["revision"] for frame in watcher.events()] == [2, 3, 4, 5, 6]


@pytest.mark.parametrize("named", [True, False])
async def test_a_client_knows_how_much_it_missed_and_when_it_has_caught_up(
    stack: Stack, client: Client, project: str, named: bool
) -> None:
    """Whatever happens in other projects meanwhile."""
    async with watching(stack.live, project=project) as first:
        begun = await first.until(is_op("caught_up"))
        epoch = first.frames[0]["epoch"]
    job = await client.submit(kind="image", prompt="x", parameters=FAST, slot="portrait/x")
    if not named:  # an event that is about no job: this one is answered with the other
        await client.submit(kind="image", prompt="x", parameters=FAST, slot="portrait/x")
    await client.wait(job.id)
    async with stack.client(some_project()) as other:
        await other.wait((await other.submit(kind="image", prompt="y", parameters=FAST)).id)

    after = {"epoch": epoch, "sequence": begun["sequence"]}
    jobs = {"jobs": [job.id]} if named else {}
    async with watching(stack.live, project=project, after=after, **jobs) as watcher:
        subscribed = await watcher.next()
        caught_up = await watcher.until(is_op("caught_up"))

    revisions = [frame["job"]["revision"] for frame in watcher.events()]
    assert revisions == [1, 2, 3, 4, 5, 6]
    assert subscribed["missed"] == len(revisions) + (not named)
    assert caught_up["sequence"] >= watcher.events()[-1]["sequence"]


async def test_a_client_with_a_snapshot_has_caught_up_after_its_last_page(
    stack: Stack, project: str
) -> None:
    async with watching(stack.live, project=project) as watcher:
        subscribed, snapshot, caught_up = [await watcher.next() for _ in range(3)]

    assert subscribed["missed"] is None
    assert (snapshot["op"], snapshot["more"]) == ("snapshot", False)
    assert caught_up["op"] == "caught_up"
    assert caught_up["sequence"] >= snapshot["sequence"]


async def test_the_python_client_reports_what_it_missed(
    stack: Stack, client: Client, project: str
) -> None:
    async with watching(stack.live, project=project) as first:
        begun = await first.until(is_op("caught_up"))
    await client.wait((await client.submit(kind="image", prompt="x", parameters=FAST)).id)
    cursor = ResumeCursor(first.frames[0]["epoch"], begun["sequence"])

    counts: list[int | None] = []
    for after in (cursor, None):
        async with client.follow(after=after, caught_up=counts.append) as events:
            async for event in events:
                if event.job and event.job.status == "succeeded":
                    break
            later = await client.submit(kind="image", prompt="y", parameters=FAST)
            async for event in events:  # some may come between a snapshot and `caught_up`
                if event.job and event.job.id == later.id and event.job.status == "succeeded":
                    break

    assert counts == [6, None]


@pytest.mark.parametrize("ahead", [True, False])
async def test_an_unresumable_cursor_gets_a_snapshot(
    stack: Stack, client: Client, project: str, ahead: bool
) -> None:
    async with watching(stack.live, project=project) as first:
        subscribed = await first.next()
    after = {
        "epoch": subscribed["epoch"] if ahead else "another",
        "sequence": 10**9 if ahead else 1,
    }

    async with watching(stack.live, project=project, after=after) as watcher:
        frame = await watcher.next()
        following = await watcher.next()

    assert frame["recovered"] is False
    assert following["op"] == "snapshot"


async def test_the_epoch_is_the_same_for_everybody(stack: Stack, project: str) -> None:
    epochs = set()
    for _ in range(2):
        async with watching(stack.live, project=project) as watcher:
            epochs.add((await watcher.next())["epoch"])

    assert len(epochs) == 1


async def test_an_unsubscribed_client_receives_no_more_events(
    stack: Stack, client: Client, project: str
) -> None:
    async with watching(stack.live, project=project) as watcher:
        await watcher.until(is_op("snapshot"))
        await watcher.say(op="unsubscribe", id=1)
        await watcher.say(op="ping")
        await watcher.until(is_op("pong"))
        await client.wait((await client.submit(kind="image", prompt="x", parameters=FAST)).id)
        await watcher.say(op="ping")
        await watcher.until(is_op("pong"))

    assert watcher.events() == []


@pytest.mark.parametrize(
    "frames",
    [["nonsense"] * 3, ["[]"] * 3, ['{"op":"dance"}'] * 3, ['{"op":"subscribe","id":1}'] * 3],
)
async def test_the_third_mistake_in_a_row_is_the_last(stack: Stack, frames: list[str]) -> None:
    async with watching(stack.live) as watcher:
        for frame in frames:
            await watcher.send(frame)
        code = await watcher.until_closed()

    assert [frame["op"] for frame in watcher.frames] == ["error"] * 3
    assert watcher.frames[0]["problem"]["code"] == "validation_failed"
    assert code == 1008


async def test_a_mistake_is_forgiven(stack: Stack) -> None:
    async with watching(stack.live) as watcher:
        for _ in range(4):
            await watcher.send("nonsense")
            await watcher.say(op="ping")
            await watcher.until(is_op("pong"))


async def test_bytes_are_not_text(stack: Stack) -> None:
    async with watching(stack.live) as watcher:
        await watcher.send(b"bytes")

        assert await watcher.until_closed() == 1003


async def test_a_frame_is_not_too_long(stack: Stack) -> None:
    async with watching(stack.live) as watcher:
        await watcher.send(json.dumps({"op": "ping", "x": "y" * 17_000}))

        assert await watcher.until_closed() == 1009


async def test_too_many_frames_a_second_are_abuse(stack: Stack) -> None:
    async with watching(stack.live) as watcher:
        for _ in range(200):
            await watcher.say(op="ping")

        assert await watcher.until_closed() == 1008


async def test_a_second_subscription_of_the_same_id_is_an_error(stack: Stack, project: str) -> None:
    async with watching(stack.live, project=project) as watcher:
        await watcher.say(op="subscribe", id=1, project=project)

        error = await watcher.until(is_op("error"))

    assert error["id"] == 1
    assert error["problem"]["code"] == "state_conflict"


async def test_the_hundred_and_first_subscription_is_an_error(stack: Stack, project: str) -> None:
    async with watching(stack.live) as watcher:
        for number in range(101):
            if number % 20 == 19:
                await asyncio.sleep(1.1)  # the frame limit counts by the second
            await watcher.say(op="subscribe", id=number, project=project)

        error = await watcher.until(is_op("error"))

    assert error["id"] == 100


async def test_a_client_that_does_not_read_is_disconnected_and_can_resume(
    stack: Stack, client: Client, project: str
) -> None:
    """The others get everything meanwhile."""
    jobs = 100  # six events of 20 kB each: more than the machine's own buffers hold

    async def read_all(watcher: Watcher) -> list[int]:
        while sum(f["job"]["finished_at"] is not None for f in watcher.events()) < jobs:
            await watcher.until(is_op("event"))
        return [frame["sequence"] for frame in watcher.events()]

    async with (
        connect(stack.live, sock=_small(stack), max_size=None, max_queue=1) as sleeper,
        watching(stack.live, project=project) as awake,
    ):
        await sleeper.send(json.dumps({"op": "subscribe", "id": 1, "project": project}))
        await awake.until(is_op("snapshot"))
        reading = asyncio.create_task(read_all(awake))
        for number in range(jobs):
            await client.submit(
                kind="scenes", prompt=f"{number}" + "x" * 19_000, parameters={"seconds": 0}
            )
        everything = await reading
        frames = [json.loads(frame) async for frame in _until_closed(sleeper)]

    assert sleeper.close_code == 4408
    last = max(f["sequence"] for f in frames if f["op"] in ("event", "snapshot"))
    missed = [sequence for sequence in everything if sequence > last]
    after = {"epoch": frames[0]["epoch"], "sequence": last}
    async with watching(stack.live, project=project, after=after) as resumed:
        assert (await resumed.next())["recovered"] is True
        while len(resumed.events()) < len(missed):
            await resumed.next()
    assert [frame["sequence"] for frame in resumed.events()] == missed
    assert missed


def _small(stack: Stack) -> socket.socket:
    """A connection that takes little at once."""
    small = socket.socket()
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    small.connect(("127.0.0.1", stack.ports["status"]))
    return small


async def _until_closed(connection: ClientConnection) -> AsyncIterator[str | bytes]:
    with suppress(ConnectionClosed):
        while True:
            yield await connection.recv()
