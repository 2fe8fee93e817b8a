"""arq, with as many jobs at once as the cap, and otherwise its defaults."""

import asyncio
import time
from typing import Any

from arq import create_pool
from arq.connections import RedisSettings
from arq.worker import Worker, func

from bench.peers.task import Task, report_times, task


async def main(work: Task) -> list[tuple[float, float]]:
    redis = await create_pool(RedisSettings.from_dsn(work.redis))
    times: list[tuple[float, float]] = []
    over = asyncio.Event()

    async def job(_: dict[str, Any], seconds: float) -> None:
        began = time.time()
        await asyncio.sleep(seconds)
        times.append((began, time.time()))
        if len(times) == len(work.seconds):
            over.set()

    for seconds in work.seconds:
        await redis.enqueue_job("job", seconds)
    worker = Worker(
        functions=[func(job, name="job")],
        redis_pool=redis,
        max_jobs=work.cap,
        job_timeout=600,
        handle_signals=False,
    )
    working = asyncio.create_task(worker.async_run())
    await over.wait()
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    return times


if __name__ == "__main__":
    report_times(asyncio.run(main(task())))
