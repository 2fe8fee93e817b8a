"""Whatever happens to a submission, fal accepts one, and nothing is sent again that may be paid."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from dataclasses import replace
from uuid import uuid4

import fal_client
import httpx
import pytest

from heliograph.contracts.circuit_breaker import CircuitBreaker
from heliograph.contracts.errors import (
    AccountRefused,
    ContentPolicy,
    JobError,
    NoOutput,
    ProviderAuth,
    ProviderBalance,
    ProviderProtocol,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnavailable,
)
from heliograph.contracts.problems import Charged
from heliograph.testing import MemoryAccountPermits
from services.render.providers import (
    Accepted,
    Ambiguous,
    AmbiguousSubmit,
    Provider,
    RateLimited,
    Request,
    RequestStopped,
    RequestSucceeded,
    State,
    Submission,
    Unknown,
)
from tests.support.concurrent_calls import concurrent_polls
from tests.support.fal.emulator_process import FalAccount, FalServer, fal_running
from tests.support.fal.rig import FalRig, a_fal, a_submission
from tests.support.fal.worker_rig import FalWorker
from tests.support.servers import free_port

MANY = 60  #: requests that a process follows at once
LOST = ["drop", "nginx_502", "500", "hang"]
ENDPOINT = a_submission().endpoint


@pytest.fixture
async def rig(fal_server: FalServer) -> AsyncIterator[FalRig]:
    rig = FalRig(fal_server)
    yield rig
    await rig.aclose()


@pytest.fixture
def fal(rig: FalRig) -> FalAccount:
    return rig.account


@pytest.fixture
def prompt() -> str:
    return f"a lighthouse {uuid4().hex}"


class _Witness(MemoryAccountPermits):
    """Sees what is written of the only job whenever an account is judged."""

    def __init__(self, worker: FalWorker) -> None:
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


@pytest.mark.parametrize("loss", [*LOST, "garbage"])
async def test_a_reply_that_is_lost_after_acceptance_is_sent_for_once(
    rig: FalRig, fal: FalAccount, prompt: str, loss: str
) -> None:
    fal.plan(prompt, loss=loss)

    with pytest.raises((AmbiguousSubmit, TimeoutError)):
        async with asyncio.timeout(4):
            await rig.provider.submit(a_submission(prompt=prompt))

    assert (len(fal.accepted(prompt)), fal.posts) == (1, 1)


async def test_a_compressed_reply_is_read(rig: FalRig, fal: FalAccount, prompt: str) -> None:
    fal.plan(prompt, loss="gzip")

    accepted = await rig.provider.submit(a_submission(prompt=prompt))

    assert isinstance(accepted, Accepted)
    assert len(fal.accepted(prompt)) == 1


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


@pytest.mark.parametrize(
    ("refusal", "error"),
    [
        ("429", RateLimited),
        ("504_user", ProviderUnavailable),
        ("422", ProviderRejected),
        ("404", ProviderRejected),
        ("401", ProviderAuth),
        ("402", ProviderBalance),
        ("403_locked", ProviderBalance),
        ("redirect", AmbiguousSubmit),
    ],
)
async def test_a_refusal_is_heard_once(
    rig: FalRig, fal: FalAccount, prompt: str, refusal: str, error: type[Exception]
) -> None:
    fal.plan(prompt, refusals=[refusal] * 5)

    with pytest.raises(error) as caught:
        await rig.provider.submit(a_submission(prompt=prompt))

    assert type(caught.value) is error
    assert (len(fal.accepted(prompt)), fal.posts) == (0, 1)


@pytest.mark.parametrize("refusal", ["401", "402", "403_locked"])
async def test_what_is_wrong_with_the_account_is_not_the_fault_of_the_job(
    rig: FalRig, fal: FalAccount, prompt: str, refusal: str
) -> None:
    fal.plan(prompt, refusals=[refusal])

    with pytest.raises(AccountRefused) as caught:
        await rig.provider.submit(a_submission(prompt=prompt))

    assert caught.value.provider
    assert not caught.value.retryable


async def test_a_key_that_was_revoked_is_an_error_of_the_account(fal_server: FalServer) -> None:
    provider = a_fal(fal_server.url, f"revoked{uuid4().hex}")

    with pytest.raises(ProviderAuth):
        await provider.submit(a_submission())
    with pytest.raises(ProviderUnavailable) as caught:
        await provider.poll(Request(request_id="a", endpoint=ENDPOINT))

    assert isinstance(caught.value.__cause__, ProviderAuth)
    await provider.aclose()


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        ("0", 0),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 0),
        ("soon", 5),
        (None, 5),
        ("1e9", 600),
    ],
)
async def test_the_time_to_wait_is_what_fal_says_within_reason(
    rig: FalRig, fal: FalAccount, prompt: str, header: str | None, seconds: float
) -> None:
    fal.plan(prompt, refusals=["429"], retry_after=header)

    with pytest.raises(RateLimited) as caught:
        await rig.provider.submit(a_submission(prompt=prompt))

    assert caught.value.seconds == seconds


async def test_a_refused_connection_means_nothing_was_sent() -> None:
    provider = a_fal(f"http://127.0.0.1:{free_port()}", "key")

    with pytest.raises(ProviderUnavailable) as caught:
        await provider.submit(a_submission())

    assert caught.value.retryable
    await provider.aclose()


# -- whole jobs


@pytest.mark.parametrize("loss", LOST)
async def test_a_job_whose_reply_was_lost_finds_its_request_and_pays_once(
    rig: FalRig, fal: FalAccount, prompt: str, loss: str
) -> None:
    fal.plan(prompt, loss=loss, seconds=0.1)
    worker = FalWorker(rig.provider)

    job = await worker.do(prompt)

    assert worker.steps(job.id) == ["accepted", "started", "submitting", "submitted", "rendered"]
    assert (len(fal.accepted(prompt)), fal.posts) == (1, 1)


@pytest.mark.parametrize("loss", LOST)
async def test_a_job_whose_request_is_not_to_be_seen_waits_for_a_person(
    rig: FalRig, fal: FalAccount, prompt: str, loss: str
) -> None:
    fal.plan(prompt, loss=loss, is_listed=False)
    worker = FalWorker(rig.provider)

    job = await worker.do(prompt)

    assert job.step == "submit_unknown"
    assert job.error is not None
    assert "the reply to the submission was lost" in job.error.detail
    assert job.internal.attempts[-1].answer
    assert ("502" in job.error.detail) == (loss == "nginx_502")
    assert (len(fal.accepted(prompt)), fal.posts) == (1, 1)


async def test_a_job_that_is_told_too_fast_is_sent_again_and_pays_once(
    rig: FalRig, fal: FalAccount, prompt: str
) -> None:
    fal.plan(prompt, refusals=["429", "429"], retry_after="0.1")
    worker = FalWorker(rig.provider)

    job = await worker.do(prompt)

    assert (job.step, job.attempt) == ("rendered", 1)
    assert worker.steps(job.id).count("retry_scheduled") == 2
    assert (len(fal.accepted(prompt)), fal.posts) == (1, 3)


async def test_a_job_without_a_connection_is_sent_again_and_pays_once(prompt: str) -> None:
    port, key = free_port(), uuid4().hex
    provider = a_fal(f"http://127.0.0.1:{port}", key)
    worker = FalWorker(provider, max_attempts=1000)

    job = asyncio.create_task(worker.do(prompt))
    with ExitStack() as running:
        server = await asyncio.to_thread(running.enter_context, fal_running(port))
        done = await job
        accepted = server.account(key).accepted(prompt)

    await provider.aclose()
    assert worker.steps(done.id).count("retry_scheduled") >= 1
    assert (done.step, done.charged, len(accepted)) == ("rendered", "yes", 1)


@pytest.mark.parametrize("outcome", ["runner_disconnected", "internal_server_error"])
async def test_a_failure_of_fal_that_is_free_is_tried_again(
    rig: FalRig, fal: FalAccount, prompt: str, outcome: str
) -> None:
    fal.plan(prompt, outcome=outcome)
    worker = FalWorker(rig.provider)

    job = await worker.do(prompt)

    assert (job.step, job.charged, job.attempt) == ("failed", "no", 3)
    assert len(fal.accepted(prompt)) == 3


@pytest.mark.parametrize("outcome", ["policy", "no_media", "validation", "not_retryable", "huge"])
async def test_what_cannot_get_better_is_not_tried_again(
    rig: FalRig, fal: FalAccount, prompt: str, outcome: str
) -> None:
    fal.plan(prompt, outcome=outcome)
    worker = FalWorker(rig.provider)

    job = await worker.do(prompt)

    assert job.step == "failed"
    assert len(fal.accepted(prompt)) == 1


async def test_what_a_submission_taught_is_written_before_the_account_is_judged_by_it(
    rig: FalRig, fal: FalAccount, prompt: str
) -> None:
    """Whoever dies in between has lost a verdict, and not a request that is paid for."""
    fal.plan(prompt, refusals=["429"], retry_after="0.1")
    worker = FalWorker(rig.provider)
    accounts = _Witness(worker)
    worker.context = replace(worker.context, accounts=accounts)

    await worker.do(prompt)

    assert accounts.written == ["retry_scheduled", "submitted"]


@pytest.mark.parametrize("troubles", [["500"], ["drop", "nginx_502", "hang"], ["401", "429"]])
async def test_a_stop_is_said_until_it_is_heard(
    fal_server: FalServer, fal: FalAccount, prompt: str, troubles: list[str]
) -> None:
    """What is not stopped is rendered and paid for, and keeps its place all the while."""
    provider = a_fal(fal_server.url, fal.key, poll_limit=2)
    fal.plan(prompt, hangs=True, cancels=troubles)
    worker = FalWorker(provider)

    doing = asyncio.create_task(worker.do(prompt))
    async with asyncio.timeout(90):
        while not (jobs := worker.events.jobs()) or worker.now(jobs[0]).step != "submitted":
            await asyncio.sleep(0.02)
        await worker.stop(jobs[0])
        job = await doing

    await provider.aclose()
    assert (job.step, job.internal.outputs) == ("canceled", [])
    assert [h["method"] for h in fal.heard].count("PUT") == len(troubles) + 1


# -- questions


async def _accepted(
    provider: Provider, prompt: str, submission: Submission | None = None
) -> Request:
    answer = await provider.submit(submission or a_submission(prompt=prompt))
    assert isinstance(answer, Accepted)
    return Request(request_id=answer.request_id, endpoint=ENDPOINT)


async def _poll(rig: FalRig, request: Request) -> State:
    return await rig.provider.poll(request)


@pytest.mark.parametrize("where", ["statuses", "results"])
@pytest.mark.parametrize("trouble", ["500", "nginx_502", "drop", "429", "401"])
async def test_a_question_without_an_answer_is_asked_again(
    rig: FalRig, fal: FalAccount, prompt: str, where: str, trouble: str
) -> None:
    fal.plan(prompt, **{where: [trouble, trouble]})
    request = await _accepted(rig.provider, prompt)

    for _ in range(2):
        with pytest.raises(ProviderUnavailable):
            await _poll(rig, request)

    assert isinstance(await _poll(rig, request), RequestSucceeded)
    assert fal.posts == 1


@pytest.mark.parametrize(
    ("where", "trouble"), [("statuses", "nonsense"), ("results", "in_progress")]
)
async def test_an_invalid_poll_response_is_polled_again(
    rig: FalRig, fal: FalAccount, prompt: str, where: str, trouble: str
) -> None:
    fal.plan(prompt, **{where: [trouble]})
    request = await _accepted(rig.provider, prompt)

    with pytest.raises(ProviderUnavailable):
        await _poll(rig, request)

    assert isinstance(await _poll(rig, request), RequestSucceeded)


async def test_a_question_that_hangs_is_given_up_in_time(
    rig: FalRig, fal_server: FalServer, fal: FalAccount, prompt: str
) -> None:
    provider = a_fal(fal_server.url, fal.key, poll_limit=0.2)
    fal.plan(prompt, statuses=["hang"])
    request = await _accepted(provider, prompt)

    with pytest.raises(ProviderUnavailable):
        await provider.poll(request)

    assert isinstance(await rig.provider.poll(request), RequestSucceeded)
    await provider.aclose()


async def test_a_submission_does_not_wait_for_questions_that_hang(
    fal_server: FalServer, fal: FalAccount, prompt: str
) -> None:
    provider = a_fal(fal_server.url, fal.key, poll_limit=60)
    fal.plan(prompt, statuses=["hang"] * MANY)
    request = await _accepted(provider, prompt)

    async with concurrent_polls(provider, request, MANY) as questions:
        another = asyncio.create_task(provider.submit(a_submission()))

        async with asyncio.timeout(90):
            assert (await another).request_id
        assert not any(each.done() for each in questions)
    await provider.aclose()


async def test_a_list_that_is_not_shown_proves_nothing(fal_server: FalServer) -> None:
    nobody = a_fal(f"http://127.0.0.1:{free_port()}", "key")
    revoked = a_fal(fal_server.url, f"revoked{uuid4().hex}")

    for provider in (nobody, revoked):
        with pytest.raises(ProviderUnavailable):
            await provider.look_up(a_submission())
        await provider.aclose()


OUTCOMES: dict[str, tuple[type[JobError], Charged]] = {
    "policy": (ContentPolicy, "yes"),
    "validation": (ProviderRejected, "unknown"),
    "no_media": (NoOutput, "yes"),
    "runner_disconnected": (ProviderUnavailable, "no"),
    "internal_server_error": (ProviderUnavailable, "no"),
    "generation_timeout": (ProviderTimeout, "no"),
    "start_timeout": (ProviderUnavailable, "no"),
    "not_retryable": (ProviderRejected, "no"),
    "garbage": (ProviderProtocol, "yes"),
    "nan": (NoOutput, "yes"),
    "empty": (NoOutput, "yes"),
    "huge": (ProviderProtocol, "yes"),
}


@pytest.mark.parametrize("outcome", OUTCOMES)
async def test_an_invalid_result_fails_with_reason_and_charge(
    rig: FalRig, fal: FalAccount, prompt: str, outcome: str
) -> None:
    fal.plan(prompt, outcome=outcome)

    end = await _poll(rig, await _accepted(rig.provider, prompt))

    assert isinstance(end, RequestStopped)
    assert (type(end.error), end.charged) == OUTCOMES[outcome]
    assert len(end.answer or "") <= 4096


async def test_a_request_in_a_list_without_payloads_is_not_seen(
    rig: FalRig, fal: FalAccount, prompt: str
) -> None:
    fal.plan(prompt, keeps_payloads=False)
    submission = a_submission(prompt=prompt)
    await rig.provider.submit(submission)

    assert await rig.provider.look_up(submission) == Unknown()


async def test_a_request_is_found_by_its_seed_among_many_with_its_prompt(
    rig: FalRig, fal: FalAccount, prompt: str
) -> None:
    submission = a_submission(prompt=prompt)
    request = await _accepted(rig.provider, prompt, submission)
    for _ in range(110):  # more than a page
        await rig.provider.submit(a_submission(prompt=prompt))

    found = await rig.provider.look_up(submission)

    assert found == Ambiguous(request_ids=(request.request_id,))
