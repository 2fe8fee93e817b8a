"""
The whole by hand on Celery: FastAPI, Celery on Redis in threads, SQLite for the status, minio.

One task does it all. It has no event log, no attempt records, no fairness, no idempotency, and it verifies
nothing; a job that is accepted between the row and the queue is lost.
"""

import io
import json
import sqlite3
import threading
import time
import uuid
from typing import Any

import redis
import requests
import uvicorn
from celery import Celery
from fastapi import FastAPI
from minio import Minio
from pydantic import BaseModel

from bench.peers.variants import variants_of
from bench.peers.whole_task import BUCKET, CAP, WholeTask, whole_task

_RENDER = "render"  #: the task's name


class Request(BaseModel):
    kind: str
    prompt: str
    parameters: dict[str, Any] = {}


class Parts(threading.local):
    """What each thread has of its own."""

    def __init__(self, task: WholeTask) -> None:
        self.http = requests.Session()
        self.redis = redis.Redis.from_url(task.redis)
        self.store = Minio(
            task.s3, task.access_key, task.secret_key, secure=False, region="us-east-1"
        )
        self.database = sqlite3.connect(task.database, timeout=60, isolation_level=None)
        self.database.execute("PRAGMA journal_mode=WAL")
        self.database.execute("PRAGMA synchronous=FULL")
        self.database.execute(
            "CREATE TABLE IF NOT EXISTS jobs"
            " (id TEXT PRIMARY KEY, project TEXT, status TEXT, key TEXT, at REAL)"
        )

    def tell(self, job: str, status: str, key: str | None = None) -> None:
        row = (status, key, time.time(), job)
        self.database.execute("UPDATE jobs SET status=?, key=?, at=? WHERE id=?", row)
        self.redis.publish("events", json.dumps({"id": job, "status": status}))


def queue(task: WholeTask) -> Celery:
    app = Celery("whole", broker=task.redis)
    app.conf.update(
        task_ignore_result=True,
        task_acks_late=True,
        worker_prefetch_multiplier=1,
        worker_redirect_stdouts=False,
        broker_connection_retry_on_startup=True,
    )
    return app


def gateway(task: WholeTask) -> None:
    app, parts, web = queue(task), Parts(task), FastAPI()

    @web.post("/v1/projects/{project}/jobs", status_code=202)
    def create_job(project: str, request: Request) -> dict[str, str]:
        job = uuid.uuid4().hex
        row = (job, project, "queued", None, time.time())
        parts.database.execute("INSERT INTO jobs VALUES (?, ?, ?, ?, ?)", row)
        app.send_task(_RENDER, (job, project, request.kind, request.prompt))
        return {"id": job, "status": "queued"}

    @web.get("/succeeded")
    def succeeded() -> int:
        cursor = parts.database.execute("SELECT count(*) FROM jobs WHERE status='succeeded'")
        return int(cursor.fetchone()[0])

    @web.get("/healthz")
    def healthz() -> bool:
        return True

    uvicorn.run(web, host="127.0.0.1", port=task.port, log_level="warning", access_log=False)


def worker(task: WholeTask) -> None:
    app, parts = queue(task), Parts(task)

    def finished(kind: str, prompt: str) -> bytes:
        """The provider's file."""
        address = f"{task.provider}/queue/fal-ai/{'text' if kind == 'scenes' else 'flux'}"
        submitted = parts.http.post(address, json={"prompt": prompt}, timeout=30).json()
        parts.http.get(submitted["status_url"], timeout=30).raise_for_status()
        result = parts.http.get(submitted["response_url"], timeout=30).json()
        url = (result.get("text") or result["images"][0])["url"]
        return bytes(parts.http.get(url, timeout=30).content)

    def put(key: str, content: bytes, media_type: str) -> None:
        parts.store.put_object(BUCKET, key, io.BytesIO(content), len(content), media_type)

    def render(job: str, project: str, kind: str, prompt: str) -> None:
        parts.tell(job, "processing")
        content = finished(kind, prompt)
        parts.tell(job, "rendered")
        folder = f"{project}/{job}"
        key = f"{folder}/0.{'json' if kind == 'scenes' else 'png'}"
        if kind == "scenes":
            put(key, content, "application/json")
        else:
            put(key, content, "image/png")
            for name, form in variants_of(content).items():
                put(f"{folder}/0.{name}.webp", form, "image/webp")
        parts.tell(job, "succeeded", key)

    app.task(render, name=_RENDER)
    app.Worker(pool="threads", concurrency=CAP, loglevel="ERROR").start()


def main(task: WholeTask) -> None:
    {"gateway": gateway, "worker": worker}[task.role](task)


if __name__ == "__main__":
    main(whole_task())
