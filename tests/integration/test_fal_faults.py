"""Whatever happens to a submission, fal accepts one, and nothing is sent again that may be paid."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

import fal_client
import httpx
import pytest

from heliograph.contracts.circuit_breaker import CircuitBreaker
from heliograph.testing.account_permits import MemoryAccountPermits
from services.render.providers.lookup_results import Unknown
from tests.support.emulation.worker_rig import WorkerRig
from tests.support.fal.emulator_process import FalAccount, FalServer
from tests.support.fal.rig import MODEL, FalRig, a_fal, a_submission
from tests.support.timeouts import TIMEOUT

ENDPOINT = a_submission().endpoint


@pytest.fixture
def rig(fal_rig: FalRig) -> FalRig:
    return fal_rig


@pytest.fixture
def fal(rig: FalRig) -> FalAccount:
    return rig.account


@pytest.fixture
def prompt() -> str:
    return f"a lighthouse {uuid4().hex}"


class _RecordingPermits(MemoryAccountPermits):
    """Records the last event of the only job whenever its account's circuit breaker is updated."""

    def __init__(self, worker: WorkerRig) -> None:
        super().__init__(cap=10)
        self._worker = worker
        self.written: list[str] = []

    async def update_breaker(
        self, account: str, verdict: Callable[[CircuitBreaker | None], CircuitBreaker | None]
    ) -> None:
        [job] = self._worker.events.jobs()
        self.written.append(self._worker.steps(job)[-1])
        await super().update_breaker(account, verdict)


# -- one submission


async def test_the_stock_client_would_have_paid_twice(
    fal: FalAccount, prompt: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The faults are real: this is what our transport is for."""
    monkeypatch.setattr("fal_client.client.QUEUE_URL_FORMAT", f"{fal.url}/queue/")
    fal.plan(prompt, loss="drop")
    stock = fal_client.AsyncClient(key=fal.key)

    await stock.submit(ENDPOINT, {"prompt": prompt})

    http: httpx.AsyncClient = await stock._client
    await http.aclose()
    assert len(fal.accepted(prompt)) == 2


# -- whole jobs


@pytest.mark.parametrize("outcome", ["runner_disconnected", "internal_server_error"])
async def test_a_failure_of_fal_that_is_free_is_tried_again(
    rig: FalRig, fal: FalAccount, prompt: str, outcome: str
) -> None:
    fal.plan(prompt, outcome=outcome)
    worker = WorkerRig(rig.provider, MODEL)

    job = await worker.do(prompt)

    assert (job.step, job.charged, job.attempt) == ("failed", "no", 3)
    assert len(fal.accepted(prompt)) == 3


@pytest.mark.parametrize("outcome", ["policy", "no_media", "validation", "not_retryable", "huge"])
async def test_what_cannot_get_better_is_not_tried_again(
    rig: FalRig, fal: FalAccount, prompt: str, outcome: str
) -> None:
    fal.plan(prompt, outcome=outcome)
    worker = WorkerRig(rig.provider, MODEL)

    job = await worker.do(prompt)

    assert job.step == "failed"
    assert len(fal.accepted(prompt)) == 1


async def test_what_a_submission_taught_is_written_before_the_account_is_judged_by_it(
    rig: FalRig, fal: FalAccount, prompt: str
) -> None:
    """Whoever dies in between has lost a verdict, and not a request that is paid for."""
    fal.plan(prompt, refusals=["429"], retry_after="0.1")
    worker = WorkerRig(rig.provider, MODEL)
    accounts = _RecordingPermits(worker)
    worker.context = replace(worker.context, accounts=accounts)

    await worker.do(prompt)

    assert accounts.written == ["retry_scheduled", "submitted"]


@pytest.mark.parametrize("troubles", [["500"], ["drop", "nginx_502", "hang"], ["401", "429"]])
async def test_a_cancel_is_sent_until_it_is_acknowledged(
    fal_server: FalServer, fal: FalAccount, prompt: str, troubles: list[str]
) -> None:
    """What is not stopped is rendered and paid for, and keeps its place all the while."""
    provider = a_fal(fal_server.url, fal.key, poll_limit=2)
    fal.plan(prompt, hangs=True, cancels=troubles)
    worker = WorkerRig(provider, MODEL)

    doing = asyncio.create_task(worker.do(prompt))
    async with asyncio.timeout(TIMEOUT):
        while not (jobs := worker.events.jobs()) or worker.now(jobs[0]).step != "submitted":
            await asyncio.sleep(0.02)
        await worker.stop(jobs[0])
        job = await doing

    await provider.aclose()
    assert (job.step, job.internal.outputs) == ("canceled", [])
    assert [h["method"] for h in fal.heard].count("PUT") == len(troubles) + 1


# -- questions


async def test_a_request_in_a_list_without_payloads_is_not_seen(
    rig: FalRig, fal: FalAccount, prompt: str
) -> None:
    fal.plan(prompt, keeps_payloads=False)
    submission = a_submission(prompt=prompt)
    await rig.provider.submit(submission)

    assert await rig.provider.look_up(submission) == Unknown()
