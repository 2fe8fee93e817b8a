"""
The whole by hand on FastStream: FastAPI, JetStream, FastStream workers, minio, one process per service.

It has no event log, no attempt records, no fairness, no idempotency, no history, and it verifies nothing.
"""

import asyncio
import io
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, PullSub
from minio import Minio
from pydantic import BaseModel

from bench.peers.variants import variants_of
from bench.peers.whole_task import BUCKET, CAP, WholeTask, whole_task

_STREAM = JStream("WHOLE", subjects=["whole.>"])
_FETCH = PullSub(batch_size=1, timeout=3)


class Request(BaseModel):
    kind: str
    prompt: str
    parameters: dict[str, Any] = {}


class Job(Request):
    id: str
    project: str
    status: str = "queued"
    output: str | None = None
    key: str | None = None


class Part:
    """A process of the peer: its broker, and its web application."""

    def __init__(self, task: WholeTask) -> None:
        self.task = task
        self.broker = NatsBroker(task.nats, logger=None)
        self.web = FastAPI(lifespan=self._lifespan)
        self.http = httpx.AsyncClient(timeout=30, limits=httpx.Limits(max_connections=200))

    @asynccontextmanager
    async def _lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        await self.broker.start()
        yield
        await self.broker.stop()
        await self.http.aclose()

    async def tell(self, job: Job, status: str) -> None:
        """Publish an event to its subscribers."""
        job.status = status
        await self.broker.publish(job, f"told.{job.project}.{job.id}")

    async def hand_on(self, job: Job, to: str) -> None:
        """Durable work for another service."""
        await self.broker.publish(
            job, f"whole.{to}.{job.project}.{job.id}", stream=_STREAM.name, timeout=10
        )

    def on_work(self, name: str) -> Callable[..., Any]:
        """A handler of durable work."""
        return self.broker.subscriber(
            f"whole.{name}.>",
            stream=_STREAM,
            durable=name,
            pull_sub=_FETCH,
            max_workers=CAP,
            ack_policy=AckPolicy.NACK_ON_ERROR,
        )


def gateway(part: Part) -> None:
    @part.web.post("/v1/projects/{project}/jobs", status_code=202)
    async def create_job(project: str, request: Request) -> Job:
        job = Job(id=uuid.uuid4().hex, project=project, **request.model_dump())
        await part.tell(job, "queued")  # before the work: told later, it can follow "succeeded"
        await part.hand_on(job, "render")
        return job


def render(part: Part) -> None:
    async def finished(kind: str, prompt: str) -> str:
        """Where the provider's file is."""
        queue = f"{part.task.provider}/queue/fal-ai/{'text' if kind == 'scenes' else 'flux'}"
        submitted = (await part.http.post(queue, json={"prompt": prompt})).json()
        (await part.http.get(submitted["status_url"])).raise_for_status()
        result = (await part.http.get(submitted["response_url"])).json()
        return str((result.get("text") or result["images"][0])["url"])

    @part.on_work("render")
    async def on_render(job: Job) -> None:
        await part.tell(job, "processing")
        job.output = await finished(job.kind, job.prompt)
        await part.tell(job, "rendered")
        await part.hand_on(job, "store")


def storage(part: Part) -> None:
    task = part.task
    store = Minio(task.s3, task.access_key, task.secret_key, secure=False, region="us-east-1")

    async def put(key: str, content: bytes, media_type: str) -> None:
        await asyncio.to_thread(
            store.put_object, BUCKET, key, io.BytesIO(content), len(content), media_type
        )

    @part.on_work("store")
    async def on_store(job: Job) -> None:
        content = (await part.http.get(job.output or "")).content
        folder = f"{job.project}/{job.id}"
        if job.kind == "scenes":
            job.key = f"{folder}/0.json"
            await put(job.key, content, "application/json")
        else:
            job.key = f"{folder}/0.png"
            made = await asyncio.to_thread(variants_of, content)
            await put(job.key, content, "image/png")
            for name, form in made.items():
                await put(f"{folder}/0.{name}.webp", form, "image/webp")
        await part.tell(job, "succeeded")


def status(part: Part) -> None:
    jobs: dict[str, Job] = {}
    clients: set[WebSocket] = set()

    @part.broker.subscriber("told.>")
    async def on_event(job: Job) -> None:
        jobs[job.id] = job
        for client in list(clients):
            await client.send_text(job.model_dump_json())

    @part.web.get("/succeeded")
    async def succeeded() -> int:
        return sum(job.status == "succeeded" for job in jobs.values())

    @part.web.websocket("/live")
    async def live(client: WebSocket) -> None:
        await client.accept()
        clients.add(client)
        try:
            while True:
                await client.receive_text()
        except WebSocketDisconnect:
            clients.discard(client)


_ROLES = {"gateway": gateway, "render": render, "storage": storage, "status": status}


def main(task: WholeTask) -> None:
    part = Part(task)
    _ROLES[task.role](part)

    @part.web.get("/healthz")
    async def healthz() -> bool:
        return True

    uvicorn.run(part.web, host="127.0.0.1", port=task.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main(whole_task())
