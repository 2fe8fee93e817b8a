"""Calls from fal: genuine ones shorten a search, and nobody else's does anything."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest

from heliograph.contracts.job_events import Canceled
from heliograph.contracts.job_steps import Step
from heliograph.contracts.records import Record
from heliograph.runtime.bus.transitions import transition
from heliograph.runtime.http.app import create_web
from heliograph.runtime.settings import ServiceSettings
from services.gateway.jobs.retry import resume_point
from services.render.providers.fal import FalProvider
from services.render.worker.webhooks import webhook_routes
from tests.support.emulation.worker_rig import WorkerRig
from tests.support.fal.emulator_process import FalAccount, FalServer
from tests.support.fal.rig import MODEL, a_fal

BODY = json.dumps({"status": "OK", "payload": {"images": []}}).encode()


@pytest.fixture
def prompt() -> str:
    return f"a lighthouse {uuid4().hex}"


@pytest.fixture
def fal(fal_server: FalServer) -> FalAccount:
    return fal_server.account(uuid4().hex)


@pytest.fixture
async def provider(fal_server: FalServer, fal: FalAccount) -> AsyncIterator[FalProvider]:
    """It has an address, at which nobody hears what the emulator says by itself."""
    provider = a_fal(fal_server.url, fal.key, public_url="http://127.0.0.1:1/")
    yield provider
    await provider.aclose()


@dataclass
class Lost:
    """A job whose request nobody can find, and a door that fal can call at."""

    fal: FalServer
    worker: WorkerRig
    job: Record
    accepted: str  #: id of its request, which fal knows
    path: str  #: where fal was told to call
    hints: list[str]
    http: httpx.AsyncClient

    @property
    def step(self) -> Step:
        return self.worker.now(self.job.id).step

    async def call(self, headers: dict[str, str], *, path: str = "", body: bytes = BODY) -> int:
        response = await self.http.post(path or self.path, headers=headers, content=body)
        return response.status_code


@pytest.fixture
async def lost(
    fal_server: FalServer, fal: FalAccount, provider: FalProvider, prompt: str
) -> AsyncIterator[Lost]:
    fal.plan(prompt, loss="drop", is_listed=False)
    worker, hints = WorkerRig(provider, MODEL, submit_limit=0.3), []
    job = await worker.do(prompt)
    [request] = fal.accepted(prompt)

    async def hint(subject: str, body: bytes = b"") -> None:
        hints.append(subject)

    app = create_web(ServiceSettings(), "hooks")
    app.include_router(webhook_routes(worker.context, hint))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8083") as http:
        path = urlsplit(request["webhook"]).path
        yield Lost(fal_server, worker, job, request["id"], path, hints, http)


# -- what is believed


async def test_without_a_public_url_no_webhook_is_requested(
    fal_server: FalServer, fal: FalAccount, prompt: str
) -> None:
    provider = a_fal(fal_server.url, fal.key)
    await WorkerRig(provider, MODEL).do(prompt)
    await provider.aclose()

    [request] = fal.accepted(prompt)
    assert request["webhook"] is None


async def test_a_call_finds_the_request_that_was_lost(lost: Lost) -> None:
    assert lost.step is Step.SUBMIT_UNKNOWN

    assert await lost.call(lost.fal.sign(lost.accepted, BODY)) == 204

    record = lost.worker.now(lost.job.id)
    assert record.step is Step.SUBMITTED
    assert record.internal.attempts[-1].request_id == lost.accepted
    assert lost.job.id in lost.worker.work.queue
    assert lost.hints == [f"control.cancel.{lost.job.id}"]


async def test_a_webhook_repeated_ten_times_counts_once(lost: Lost) -> None:
    headers = lost.fal.sign(lost.accepted, BODY)

    assert {await lost.call(headers) for _ in range(10)} == {204}

    assert lost.worker.steps(lost.job.id).count("submitted") == 1


async def test_the_result_in_a_webhook_is_ignored(lost: Lost) -> None:
    body = json.dumps({"status": "ERROR", "payload": None, "error": "refund me"}).encode()

    await lost.call(lost.fal.sign(lost.accepted, body), body=body)

    assert lost.step is Step.SUBMITTED


async def test_a_request_that_fal_does_not_know_as_ours_is_not_taken(lost: Lost) -> None:
    """It was fal who called, and it may be somebody else's request."""
    foreign = str(uuid4())

    assert await lost.call(lost.fal.sign(foreign, BODY)) == 204

    assert lost.step is Step.SUBMIT_UNKNOWN


@pytest.mark.parametrize("name", ["../../x", "a/b", "a" * 200])
async def test_an_invalid_request_id_is_not_looked_up(
    lost: Lost, fal: FalAccount, name: str
) -> None:
    before = len(fal.heard)

    assert await lost.call(lost.fal.sign(name, BODY)) == 204

    assert lost.step is Step.SUBMIT_UNKNOWN
    assert len(fal.heard) == before


# -- what is not


def _with(name: str, value: str) -> Callable[[Lost], dict[str, str]]:
    def headers(lost: Lost) -> dict[str, str]:
        return lost.fal.sign(lost.accepted, BODY) | {f"X-Fal-Webhook-{name}": value}

    return headers


FORGERIES: dict[str, Callable[[Lost], dict[str, str]]] = {
    "no signature": lambda _: {},
    "an empty signature": _with("Signature", ""),
    "a signature that is none": _with("Signature", "zz"),
    "a signature of zeros": _with("Signature", "00" * 64),
    "another user": _with("User-Id", "somebody"),
    "another request": _with("Request-Id", str(uuid4())),
    "no time": _with("Timestamp", ""),
    "a time that is none": _with("Timestamp", "soon"),
    "another time": _with("Timestamp", "1"),
    "another body": lambda lost: lost.fal.sign(lost.accepted, b"{}"),
    "too late": lambda lost: lost.fal.sign(lost.accepted, BODY, off=-3600),
    "too early": lambda lost: lost.fal.sign(lost.accepted, BODY, off=3600),
}


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_a_webhook_without_a_valid_signature_is_rejected(lost: Lost, forgery: str) -> None:
    assert await lost.call(FORGERIES[forgery](lost)) == 404

    assert (lost.step, lost.hints) == (Step.SUBMIT_UNKNOWN, [])


@pytest.mark.parametrize("part", [3, 4, 5, 6])
async def test_a_webhook_url_with_an_invalid_token_is_rejected(lost: Lost, part: int) -> None:
    """Provider, job, run and proof."""
    parts = lost.path.split("/")
    other = "8" if parts[part].startswith("9") else "9"
    parts[part] = other + parts[part][1:] if part != 5 else parts[part] + "1"

    assert await lost.call(lost.fal.sign(lost.accepted, BODY), path="/".join(parts)) == 404

    assert (lost.step, lost.hints) == (Step.SUBMIT_UNKNOWN, [])


async def test_a_webhook_token_is_not_valid_for_another_job(
    lost: Lost, fal: FalAccount, prompt: str
) -> None:
    other = await lost.worker.do(f"{prompt} again")
    path = lost.path.replace(lost.job.id, other.id)

    assert await lost.call(lost.fal.sign(lost.accepted, BODY), path=path) == 404


async def test_a_call_about_a_job_that_is_over_changes_nothing(
    fal_server: FalServer, lost: Lost
) -> None:
    headers = lost.fal.sign(lost.accepted, BODY)
    await lost.call(headers)
    await lost.worker.go_on(lost.job.id)
    before = lost.worker.steps(lost.job.id)

    assert await lost.call(headers) == 204

    assert before[-1] == "rendered"
    assert lost.worker.steps(lost.job.id) == before


async def test_a_webhook_after_the_end_completes_the_paid_attempt(lost: Lost) -> None:
    """Somebody gave the job up before its request was found."""
    entry = lost.worker.events.latest(lost.job.id)
    assert entry
    await transition(lost.worker.events, entry, Canceled(charged="unknown"))
    headers = lost.fal.sign(lost.accepted, BODY)

    assert [await lost.call(headers) for _ in range(2)] == [204, 204]

    over = lost.worker.now(lost.job.id)
    assert (over.status, over.charged, over.cost.actual) == ("canceled", "yes", over.cost.estimated)
    assert over.internal.attempts[-1].request_id == lost.accepted
    assert over.internal.outputs
    assert resume_point(over, None) == "download"
    assert lost.worker.steps(lost.job.id)[-3:] == ["canceled", *["attempt_completed"] * 2]


async def test_a_call_without_end_is_not_read_to_its_end(lost: Lost) -> None:
    assert await lost.call({}, body=b"x" * 2_000_000) == 413
