"""
Async client for a Heliograph gateway.

    async with Client("http://127.0.0.1:8080", project="demo") as client:
        job = await client.submit(kind="portrait", prompt="a lighthouse keeper, oil on canvas")
        done = await client.wait(job.id)
        await client.download(done.assets[0], "keeper.png")
"""

import asyncio
import hashlib
import os
import secrets
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

import httpx
import stamina

from heliograph.client_errors import (
    ChecksumMismatch,
    ClientError,
    ConnectionFailed,
    JobFailed,
    RequestRejected,
)
from heliograph.contracts.actions import (
    Action,
    ActionReport,
    CancelPreview,
    RetryPreview,
)
from heliograph.contracts.assets import Asset
from heliograph.contracts.batches import Batch
from heliograph.contracts.ids import job_of_asset
from heliograph.contracts.jobs import Job
from heliograph.contracts.problems import Problem
from heliograph.contracts.retention import CleanupReport
from heliograph.contracts.retry_requests import RetryFrom
from heliograph.contracts.scenes import Story, shots_of
from heliograph.encodable_text import check_key, check_sendable, part
from heliograph.live_stream import Link, LiveEvent, ResumeCursor, following
from heliograph.service_urls import proxy_address, service_address, unreachable
from heliograph.subscriptions import CaughtUpCallback

T = TypeVar("T")

FINAL = frozenset({"succeeded", "failed", "canceled", "expired"})

_TIMEOUT = httpx.Timeout(30.0, connect=5.0)
_TRIES = 5  #: of a request whose answer is lost, or that comes too early, and of a download
_STALE = frozenset({400, 401, 403})  #: how stores answer to an address that has expired


class Client:
    """
    Talks to one gateway about one project. Close it, or use it as a context manager.

    Args:
        url: The gateway. Default: `HELIOGRAPH_PUBLIC_URL`, or http://127.0.0.1:8080.
        project: Default: `HELIOGRAPH_PROJECT`, or `demo`.
        proxy: The address of an HTTP proxy. Default: `HELIOGRAPH_PROXY`, or none: what other
            variables say of proxies and certificates is not read.

    Every call may raise ConnectionFailed (try again later), RequestRejected (read its `problem`) and
    Unsendable.

    Raises:
        AddressRefused: An address is not valid, or leads elsewhere; the message says which, and why.
    """

    def __init__(
        self, url: str | None = None, *, project: str | None = None, proxy: str | None = None
    ) -> None:
        base = url or os.environ.get("HELIOGRAPH_PUBLIC_URL") or "http://127.0.0.1:8080"
        self.url = service_address(base)
        self.project = project or os.environ.get("HELIOGRAPH_PROJECT") or "demo"
        self._proxy = proxy_address(proxy or os.environ.get("HELIOGRAPH_PROXY"))
        self._http = httpx.AsyncClient(
            base_url=self.url, timeout=_TIMEOUT, trust_env=False, proxy=self._proxy
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._http.aclose()

    # -- asking

    async def submit(self, *, kind: str, prompt: str, key: str | None = None, **fields: Any) -> Job:
        """
        Ask for a picture, a video or a text.

        `key` is the Idempotency-Key: the same key is always the same job, so calling again after a
        lost answer is safe. Without one, only the repeats inside this call are.
        """
        return Job.model_validate(
            await self._send(
                "POST",
                f"/v1/projects/{part(self.project)}/jobs",
                json={"kind": kind, "prompt": prompt, **fields},
                headers=_key(key),
            )
        )

    async def get(self, job: str) -> Job:
        """A job as it is now."""
        return Job.model_validate(await self._send("GET", f"/v1/jobs/{part(job)}"))

    async def jobs(self, **filters: Any) -> AsyncIterator[Job]:
        """Jobs of the project, newest first. Filters are the gateway's, as `status="failed"`."""
        query = dict(filters)
        while True:
            page = await self._send("GET", f"/v1/projects/{part(self.project)}/jobs", params=query)
            for item in page["items"]:
                yield Job.model_validate(item)
            if page["next"] is None:
                return
            query["cursor"] = page["next"]

    async def cancel(self, job: str, mode: Literal["stop", "detach"] = "stop") -> Job:
        """Stop a job, or let it run on without its slot."""
        answer = await self._send("POST", f"/v1/jobs/{part(job)}/cancel", json={"mode": mode})
        return Job.model_validate(answer)

    async def retry(
        self,
        job: str,
        *,
        start: RetryFrom | None = None,
        changes: dict[str, Any] | None = None,
        key: str | None = None,
    ) -> Job:
        """
        Try a job again. `start` is the step to begin with; by default the cheapest, if it is free.
        Only `start="submit"` pays: without it, a job that can only be submitted again is `HttpErrorStatus`,
        with its price.
        """
        body: dict[str, Any] = {"changes": changes or {}}
        if start:
            body["from"] = start
        answer = await self._send(
            "POST", f"/v1/jobs/{part(job)}/retry", json=body, headers=_key(key)
        )
        return Job.model_validate(answer)

    # -- asking for many

    async def batch(
        self,
        jobs: Sequence[Mapping[str, Any]],
        *,
        only_missing: bool = False,
        key: str | None = None,
    ) -> Batch:
        """
        Ask for up to 500 jobs, all or none; each is what `submit` takes.

        `only_missing` leaves out those whose slot has a version, or is being filled. `key` is as in
        `submit`, for all of them together.
        """
        body = {"jobs": [dict(job) for job in jobs], "only_missing": only_missing}
        path = f"/v1/projects/{part(self.project)}/batches"
        return Batch.model_validate(await self._send("POST", path, json=body, headers=_key(key)))

    async def get_batch(self, batch: str) -> Batch:
        """A batch, each of its jobs in its latest try, as it is now."""
        return Batch.model_validate(await self._send("GET", f"/v1/batches/{part(batch)}"))

    async def act(
        self,
        action: Action,
        *,
        ids: Sequence[str] | None = None,
        filter: Mapping[str, Any] | None = None,
        mode: Literal["stop", "detach"] = "stop",
        start: RetryFrom | None = None,
        key: str | None = None,
    ) -> ActionReport:
        """
        Retry or cancel many jobs, by `ids` or by `filter`, as `{"status": "failed"}`.

        One job that refuses does not keep it from the others: the report says so of each. `mode` is
        of canceling, `start` of a retry, as in `retry`: only `start="submit"` pays. Ask `preview`
        first what it would cost.
        """
        body = _action(action, ids, filter, mode, start)
        return ActionReport.model_validate(await self._act(body, headers=_key(key)))

    async def preview(
        self,
        action: Action,
        *,
        ids: Sequence[str] | None = None,
        filter: Mapping[str, Any] | None = None,
        mode: Literal["stop", "detach"] = "stop",
        start: RetryFrom | None = None,
    ) -> RetryPreview | CancelPreview:
        """Dry run of `act`: what it would do now, and its cost."""
        answer = await self._act({**_action(action, ids, filter, mode, start), "dry_run": True})
        shape = RetryPreview if action == "retry" else CancelPreview
        return shape.model_validate(answer)

    async def _act(self, body: dict[str, Any], **options: Any) -> Any:
        return await self._send(
            "POST", f"/v1/projects/{part(self.project)}/actions", json=body, **options
        )

    async def shots_from(
        self,
        asset: Asset,
        *,
        slots: str = "shot",
        only_missing: bool = False,
        key: str | None = None,
        **fields: Any,
    ) -> Batch:
        """
        Ask for the picture of each scene of a stored story, all or none.

            story = await client.wait((await client.submit(kind="scenes", prompt="a storm")).id)
            batch = await client.shots_from(story.assets[0], slots="storm/shot")

        Scene number n fills the slot `<slots>/<n>`. `fields` are of every request, as in `submit`;
        `only_missing` and `key` are as in `batch`.
        """
        story = await self.story(asset)
        shots = shots_of(story, slots=slots, **fields)
        return await self.batch(shots, only_missing=only_missing, key=key)

    # -- letting go

    async def cleanup(self, *, dry_run: bool = False, **retention: Any) -> CleanupReport:
        """
        Prune now the jobs that the project's rules do not keep, or list them. The rules are set with
        `PATCH /v1/projects/{project}`.

        With `dry_run`, `retention` may say what else it should keep, as `versions=3`.
        """
        body: dict[str, Any] = {"dry_run": dry_run}
        if retention:
            body["retention"] = retention
        path = f"/v1/projects/{part(self.project)}/cleanup"
        return CleanupReport.model_validate(await self._send("POST", path, json=body))

    # -- looking around

    async def models(self) -> list[dict[str, Any]]:
        """Available models, with prices and the schemas of their parameters."""
        return list((await self._send("GET", "/v1/models"))["items"])

    async def lanes(self) -> list[dict[str, Any]]:
        """The bounded queues, as they are now."""
        return list((await self._send("GET", "/v1/lanes"))["items"])

    # -- following

    @asynccontextmanager
    async def follow(
        self,
        *jobs: str,
        after: ResumeCursor | None = None,
        timeout: float | None = None,  # of reading
        caught_up: CaughtUpCallback | None = None,
    ) -> AsyncIterator[AsyncIterator[LiveEvent]]:
        """
        Follow the events of some jobs, or of the whole project when none is named.

            async with client.follow(job.id) as events:
                async for event in events: ...

        A snapshot comes first, or what was missed since `after`; lost connections are taken up again.
        Once nothing is missing any more, `caught_up` is called with the number of events that were
        missed, or with None after a snapshot.

        Reading the events raises:
            RequestRejected: There is no such job in the project.
            LiveClosed: The service closed the connection for good.
            WaitedTooLong: `timeout` seconds are over; the jobs go on.
        """
        link = Link((await self._send("GET", "/v1"))["links"]["live"], proxy=self._proxy)
        async with following(
            link, self.project, jobs, after, timeout=timeout, caught_up=caught_up
        ) as events:
            yield events

    async def finish(
        self,
        *jobs: str,
        timeout: float | None = None,  # it has an error of its own
    ) -> list[Job]:
        """
        The jobs, once all of them have ended, however they did.

        Raises:
            RequestRejected, LiveClosed, WaitedTooLong: As `follow` does.
        """
        ended: dict[str, Job] = {}
        waited_for = set(jobs)
        if not waited_for:
            return []
        async with self.follow(*jobs, timeout=timeout) as events:
            async for event in events:
                if event.job and event.job.status in FINAL:
                    ended[event.about] = event.job
                    waited_for.discard(event.about)
                if not waited_for:
                    break
        return [ended[job] for job in jobs]

    async def wait(
        self,
        job: str,
        *,
        timeout: float | None = None,  # it has an error of its own
    ) -> Job:
        """The job, once it has succeeded. Raises JobFailed when it ends in another way."""
        [ended] = await self.finish(job, timeout=timeout)
        if ended.status != "succeeded":
            raise JobFailed(ended)
        return ended

    # -- results

    async def download(self, asset: Asset, target: str | Path) -> Path:
        """
        Copy an asset to a file; an expired URL is renewed.

        Raises:
            ChecksumMismatch: The digest is wrong.
        """
        path = Path(target)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            digest = await self._fetch(asset, draft)
            if digest != asset.sha256:
                raise ChecksumMismatch(f"{asset.id}: {digest} is not {asset.sha256}")
            await asyncio.to_thread(draft.replace, path)
        finally:
            await asyncio.to_thread(draft.unlink, missing_ok=True)
        return path

    async def story(self, asset: Asset) -> Story:
        """
        The story that a `scenes` job wrote.

        Raises:
            ChecksumMismatch: The digest is wrong.
        """
        with tempfile.TemporaryDirectory() as folder:
            file = await self.download(asset, Path(folder, "story.json"))
            return Story.model_validate_json(await asyncio.to_thread(file.read_bytes))

    async def _fetch(self, asset: Asset, target: Path) -> str:
        """Copy, and return the SHA-256 of what came."""
        url = asset.url or await self._fresh_address(asset)

        async def fetch() -> str:
            nonlocal url
            digest = hashlib.sha256()
            try:
                async with self._http.stream("GET", url) as answer:
                    if answer.status_code in _STALE:
                        url = await self._fresh_address(asset)
                        raise _Transient(ConnectionFailed(f"{asset.id} cannot be downloaded"))
                    answer.raise_for_status()
                    with target.open("wb") as stream:
                        async for chunk in answer.aiter_bytes():
                            digest.update(chunk)
                            stream.write(chunk)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise _Transient(unreachable(url, error)) from error
            return digest.hexdigest()

        return await _repeated(fetch)

    async def _fresh_address(self, asset: Asset) -> str:
        job, index = job_of_asset(asset.id)
        for found in (await self.get(job)).assets:
            if found.index == index and found.url:
                return found.url
        raise ConnectionFailed(f"storage gave no URL for {asset.id} right now")

    # -- the wire

    async def _send(self, method: str, path: str, **options: Any) -> Any:
        """One request, repeated on a lost connection and on 503: all of ours are idempotent."""
        check_sendable(options.get("json"))
        check_sendable(options.get("params"))

        async def send() -> Any:
            try:
                answer = await self._http.request(method, path, **options)
            except httpx.TransportError as error:
                raise _Transient(unreachable(self.url, error)) from error
            if answer.is_success:
                return _content(answer)
            if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
                raise _Transient(_refusal(answer))
            raise _refusal(answer)

        return await _repeated(send)


class _Transient(Exception):
    """A failure after which the same is tried again."""

    def __init__(self, failure: ClientError) -> None:
        super().__init__(str(failure))
        self.failure = failure


async def _repeated(attempt: Callable[[], Awaitable[T]]) -> T:
    """The result of one of `_TRIES` attempts; raises the failure of the last one."""
    retrying = stamina.AsyncRetryingCaller(
        attempts=_TRIES, timeout=None, wait_initial=0.2, wait_jitter=0.1
    )
    try:
        return await retrying(_Transient, attempt)
    except _Transient as last:
        raise last.failure from last.__cause__


def _action(
    action: Action,
    ids: Sequence[str] | None,
    filter: Mapping[str, Any] | None,
    mode: Literal["stop", "detach"],
    start: RetryFrom | None,
) -> dict[str, Any]:
    named = {"ids": list(ids)} if ids is not None else {}
    matched = {"filter": dict(filter)} if filter is not None else {}
    begun = {"from": start} if start else {}
    return {"action": action, "mode": mode, **named, **matched, **begun}


def _key(key: str | None) -> dict[str, str]:
    if key is not None:
        check_key(key)
    return {"Idempotency-Key": key or secrets.token_urlsafe(18)}


def _refusal(answer: httpx.Response) -> ClientError:
    try:
        return RequestRejected(Problem.model_validate(answer.json()))
    except ValueError:
        return _no_gateway(answer)


def _content(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        raise _no_gateway(answer) from None


def _no_gateway(answer: httpx.Response) -> ConnectionFailed:
    place = answer.request.url.copy_with(query=None)
    return ConnectionFailed(
        f"{place} answered {answer.status_code} and is not a Heliograph gateway"
    )
