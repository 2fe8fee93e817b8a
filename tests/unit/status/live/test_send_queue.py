"""A client is sent everything in order, or it has to go; nothing waits for it without end."""

import asyncio

from services.status.live.send_queue import LIMIT, LIMIT_BYTES, SendQueue, SendQueueMemory


def full() -> SendQueue:
    """An outbox with room for nothing more."""
    send_queue = SendQueue()
    for number in range(LIMIT):
        send_queue.put(str(number))
    return send_queue


async def test_frames_leave_in_the_order_in_which_they_came() -> None:
    send_queue = SendQueue()
    for frame in "abc":
        send_queue.put(frame)

    assert await send_queue.take() == ["a", "b", "c"]


async def test_a_frame_leaves_once() -> None:
    send_queue = SendQueue()
    send_queue.put("a")
    await send_queue.take()
    send_queue.put("b")

    assert await send_queue.take() == ["b"]


async def test_take_waits_until_there_is_a_frame() -> None:
    send_queue = SendQueue()

    async def put() -> None:
        send_queue.put("a")

    frames, _ = await asyncio.gather(send_queue.take(), put())
    assert frames == ["a"]


async def test_progress_wakes_a_waiting_take() -> None:
    send_queue = SendQueue()

    async def put() -> None:
        send_queue.put_progress("job_a", "40 %")

    frames, _ = await asyncio.gather(send_queue.take(), put())
    assert frames == ["40 %"]


async def test_newer_progress_replaces_older_progress_about_the_same_job() -> None:
    send_queue = SendQueue()
    for percent in (10, 20, 30):
        send_queue.put_progress((1, "job_a"), f"a {percent} %")
        send_queue.put_progress((1, "job_b"), f"b {percent} %")

    assert await send_queue.take() == ["a 30 %", "b 30 %"]


async def test_progress_is_not_sent_again() -> None:
    send_queue = SendQueue()
    send_queue.put_progress("job_a", "40 %")
    await send_queue.take()
    send_queue.put("a")

    assert await send_queue.take() == ["a"]


async def test_progress_does_not_overtake_events() -> None:
    send_queue = SendQueue()
    send_queue.put_progress("job_a", "40 %")
    send_queue.put("submitted")

    assert await send_queue.take() == ["submitted", "40 %"]


async def test_a_client_may_be_256_frames_behind() -> None:
    send_queue = full()

    assert not send_queue.overflowed
    assert len(await send_queue.take()) == 256


async def test_a_client_that_is_further_behind_has_to_go() -> None:
    send_queue = full()
    send_queue.put("one too many")

    assert send_queue.overflowed
    assert "one too many" not in await send_queue.take()


async def test_an_overflowed_queue_stays_overflowed() -> None:
    send_queue = full()
    send_queue.put("one too many")
    await send_queue.take()
    send_queue.put("and another")

    assert send_queue.overflowed


async def test_progress_takes_no_room() -> None:
    send_queue = full()
    for number in range(2 * LIMIT):
        send_queue.put_progress(number, "40 %")

    assert not send_queue.overflowed
    assert len(await send_queue.take()) == 3 * LIMIT


async def test_what_is_sent_again_waits_for_a_slow_client() -> None:
    send_queue = SendQueue()
    replayed = [str(number) for number in range(5 * LIMIT)]

    async def replay() -> None:
        for frame in replayed:
            await send_queue.put_when_room(frame)

    async def read() -> list[str]:
        frames: list[str] = []
        while len(frames) < len(replayed):
            frames += await send_queue.take()
        return frames

    _, read_frames = await asyncio.gather(replay(), read())
    assert read_frames == replayed
    assert not send_queue.overflowed


async def test_a_replay_leaves_room_for_what_happens_meanwhile() -> None:
    send_queue = SendQueue()

    async def replay() -> None:
        for number in range(LIMIT):
            await send_queue.put_when_room(str(number))

    replaying = asyncio.create_task(replay())
    await asyncio.wait({replaying}, timeout=0)
    for number in range(LIMIT // 2):
        send_queue.put(f"live {number}")

    assert not replaying.done()
    assert not send_queue.overflowed
    assert len(await send_queue.take()) == LIMIT
    replaying.cancel()


async def test_many_replays_at_once_do_not_drown_their_client() -> None:
    send_queue = SendQueue()

    async def replay() -> None:
        for number in range(10):
            await send_queue.put_when_room(str(number))

    async def read() -> int:
        count = 0
        while count < 1000:
            count += len(await send_queue.take())
        return count

    *_, count = await asyncio.gather(*(replay() for _ in range(100)), read())
    assert count == 1000
    assert not send_queue.overflowed


# -- bytes


def large(part: int = 8) -> str:
    """A frame that is a part of what an outbox holds."""
    return "x" * (LIMIT_BYTES // part)


async def test_a_client_may_be_so_many_bytes_behind() -> None:
    send_queue = SendQueue()
    for _ in range(7):
        send_queue.put(large())

    assert not send_queue.overflowed
    send_queue.put(large())
    assert send_queue.overflowed


async def test_one_frame_may_be_larger_than_all_that_may_wait() -> None:
    send_queue = SendQueue()
    send_queue.put(large(1))

    assert not send_queue.overflowed
    assert await send_queue.take() == [large(1)]


async def test_large_frames_are_taken_one_at_a_time() -> None:
    send_queue = SendQueue()
    for _ in range(3):
        send_queue.put(large())

    assert [len(await send_queue.take()) for _ in range(3)] == [1, 1, 1]
    assert send_queue.size == 0


async def test_what_is_sent_again_waits_until_half_of_the_bytes_are_gone() -> None:
    send_queue = SendQueue()
    for _ in range(4):
        send_queue.put(large())
    waiting = asyncio.create_task(send_queue.put_when_room("again"))
    await asyncio.wait({waiting}, timeout=0.05)

    assert not waiting.done()
    await send_queue.take()
    await waiting


async def test_progress_for_which_there_is_no_room_is_left_out() -> None:
    send_queue = SendQueue()
    for number in range(100):
        send_queue.put_progress(number, large())

    assert send_queue.size <= LIMIT_BYTES
    assert not send_queue.overflowed


async def test_the_fullest_has_to_go_when_all_together_hold_too_much() -> None:
    memory = SendQueueMemory(LIMIT_BYTES)
    slow, quick = SendQueue(memory), SendQueue(memory)
    for _ in range(6):
        slow.put(large())
    quick.put(large())
    quick.put(large())

    assert (slow.overflowed, quick.overflowed) == (True, False)
    assert slow.size == 0
    assert await slow.take() == []


async def test_a_replay_waits_for_the_shared_memory_bound() -> None:
    memory = SendQueueMemory(LIMIT_BYTES)
    slow, quick = SendQueue(memory), SendQueue(memory)
    for _ in range(5):
        slow.put(large())
    waiting = asyncio.create_task(quick.put_when_room("again"))
    await asyncio.wait({waiting}, timeout=0.05)

    assert not waiting.done()
    slow.close()
    await waiting
