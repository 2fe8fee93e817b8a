"""taskiq-nats: its pull broker on JetStream, and as many tasks at once as the cap."""

import asyncio
import time

from taskiq.api import run_receiver_task
from taskiq_nats import PullBasedJetStreamBroker

from bench.peers.task import Task, report_times, task


async def main(work: Task) -> list[tuple[float, float]]:
    broker = PullBasedJetStreamBroker(
        work.nats, queue="taskiq", durable="taskiq", stream_name="TASKIQ"
    )
    times: list[tuple[float, float]] = []
    over = asyncio.Event()

    async def job(seconds: float) -> None:
        began = time.time()
        await asyncio.sleep(seconds)
        times.append((began, time.time()))
        if len(times) == len(work.seconds):
            over.set()

    registered = broker.register_task(job, task_name="job")
    await broker.startup()
    for seconds in work.seconds:
        await registered.kiq(seconds)
    receiving = asyncio.create_task(run_receiver_task(broker, max_async_tasks=work.cap))
    await over.wait()
    receiving.cancel()
    await asyncio.gather(receiving, return_exceptions=True)
    await broker.shutdown()
    return times


if __name__ == "__main__":
    report_times(asyncio.run(main(task())))
