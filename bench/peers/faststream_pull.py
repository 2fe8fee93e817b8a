"""FastStream: a pull subscriber with a batch as large as the cap, and otherwise its defaults."""

import asyncio
import time

import nats
from faststream.nats import JStream, NatsBroker, PullSub
from nats.js.api import ConsumerConfig

from bench.peers.task import Task, report_times, task


async def main(work: Task) -> list[tuple[float, float]]:
    broker = NatsBroker(work.nats, logger=None)
    times: list[tuple[float, float]] = []
    over = asyncio.Event()

    @broker.subscriber(
        "faststream.jobs",
        stream=JStream("FASTSTREAM", subjects=["faststream.>"]),
        durable="faststream",
        pull_sub=PullSub(batch_size=work.cap),
        config=ConsumerConfig(ack_wait=300, max_ack_pending=work.cap),
    )
    async def on_job(seconds: float) -> None:
        began = time.time()
        await asyncio.sleep(seconds)
        times.append((began, time.time()))
        if len(times) == len(work.seconds):
            over.set()

    client = await nats.connect(work.nats)
    await client.jetstream().add_stream(name="FASTSTREAM", subjects=["faststream.>"])
    await broker.connect()
    for seconds in work.seconds:
        await broker.publish(seconds, "faststream.jobs", stream="FASTSTREAM", timeout=10)
    await broker.start()
    await over.wait()
    await broker.stop()
    await client.close()
    return times


if __name__ == "__main__":
    report_times(asyncio.run(main(task())))
