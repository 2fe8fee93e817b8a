"""
Celery on Redis, in its pool of threads.

Its default pool is a process for each job at once, which is more memory than a machine has at the
larger caps. It takes one job at a time for each thread, so that none waits behind a long one.
"""

import os
import threading
import time

from celery import Celery

from bench.peers.task import Task, report_times, task


def main(work: Task) -> None:
    app = Celery("peer", broker=work.redis)
    app.conf.update(
        worker_prefetch_multiplier=1, task_acks_late=True, worker_redirect_stdouts=False
    )
    times: list[tuple[float, float]] = []
    over = threading.Event()

    def job(seconds: float) -> None:
        began = time.time()
        time.sleep(seconds)
        times.append((began, time.time()))
        if len(times) == len(work.seconds):
            over.set()

    registered = app.task(job, name="job")
    for seconds in work.seconds:
        registered.delay(seconds)
    worker = app.Worker(pool="threads", concurrency=work.cap, loglevel="ERROR")

    def finish() -> None:
        over.wait()
        report_times(times)
        os._exit(0)  # its own way out takes many seconds, and prints

    threading.Thread(target=finish, daemon=True).start()
    worker.start()


if __name__ == "__main__":
    main(task())
