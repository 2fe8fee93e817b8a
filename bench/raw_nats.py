"""
The same server without us: acknowledged publishes, and a work queue, by nats-py alone.

A process of its own, like every load. What it stores is as large as a job's first event.
"""

import asyncio
import sys
import time
from typing import Literal

import nats
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, RetentionPolicy, StreamConfig
from pydantic import BaseModel

from bench.figures import spread
from bench.load import drive

_STREAM = "BENCH"
_SIZE = 1_500  #: bytes


class Task(BaseModel):
    """Parameters of the measurement."""

    what: Literal["publish", "queue"]
    nats: str
    at_once: int = 1
    seconds: float = 1.0
    rate: float | None = None
    count: int = 100  #: messages of the queue


class Measured(BaseModel):
    """Durations are milliseconds: of a publish, or from before the publish to the worker's hand."""

    rate: float
    p50: float
    p99: float


async def measure(task: Task) -> Measured:
    client = await nats.connect(task.nats)
    jetstream = client.jetstream()
    await jetstream.add_stream(
        StreamConfig(_STREAM, subjects=["bench.>"], retention=RetentionPolicy.WORK_QUEUE)
    )
    try:
        measured = _publish if task.what == "publish" else _queue
        return await measured(jetstream, task)
    finally:
        await jetstream.delete_stream(_STREAM)
        await client.close()


async def _publish(jetstream: JetStreamContext, task: Task) -> Measured:
    body = b"." * _SIZE

    async def publish() -> None:
        await jetstream.publish("bench.publish", body, timeout=30)

    driven = await drive([publish] * task.at_once, seconds=task.seconds, rate=task.rate)
    return Measured(rate=driven.rate, p50=driven.spread.p50, p99=driven.spread.p99)


async def _queue(jetstream: JetStreamContext, task: Task) -> Measured:
    """One message at a time for the latency, then many at once for the rate."""
    config = ConsumerConfig(ack_policy=AckPolicy.EXPLICIT, max_ack_pending=64)
    worker = await jetstream.pull_subscribe("bench.queue", "bench", config=config)
    waits = []
    for _ in range(task.count):
        fetching = asyncio.create_task(worker.fetch(1, timeout=30))
        await asyncio.sleep(0.01)
        began = time.perf_counter()
        await jetstream.publish("bench.queue", b"." * _SIZE, timeout=30)
        [message] = await fetching
        waits.append(time.perf_counter() - began)
        await message.ack_sync()
    rate = await _drain(jetstream, worker, task)
    times = spread(waits)
    return Measured(rate=rate, p50=times.p50, p99=times.p99)


async def _drain(
    jetstream: JetStreamContext, worker: JetStreamContext.PullSubscription, task: Task
) -> float:
    """Messages a second, published and acknowledged."""
    began = time.perf_counter()

    async def publish() -> None:
        for _ in range(task.count):
            await jetstream.publish("bench.queue", b"." * _SIZE, timeout=30)

    publishing = asyncio.gather(*(publish() for _ in range(20)))
    done = 0
    while done < 20 * task.count:
        for message in await worker.fetch(20, timeout=30):
            await message.ack()
            done += 1
    await publishing
    return 20 * task.count / (time.perf_counter() - began)


if __name__ == "__main__":
    measured = asyncio.run(measure(Task.model_validate_json(sys.argv[1])))
    sys.stdout.write(measured.model_dump_json())
