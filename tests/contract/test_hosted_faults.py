"""
Whatever a hosted provider does with a submission or a question, a job is paid once and told why.

The same faults for every adapter, on its emulator. `QUEUED` ones are asked for results later; the
others answer with their outputs.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Protocol
from uuid import uuid4

import pytest

from heliograph.contracts.errors import (
    AccountRefused,
    ContentPolicy,
    JobError,
    NoOutput,
    OutputExpired,
    ProviderAuth,
    ProviderBalance,
    ProviderError,
    ProviderProtocol,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnavailable,
    ReferenceFailed,
)
from heliograph.contracts.problems import Charged
from services.render.providers import Provider, Request
from services.render.providers.lookup_results import Ambiguous
from services.render.providers.request_states import RequestStopped, RequestSucceeded
from services.render.providers.submissions import Accepted, AmbiguousSubmit, RateLimited, Submission
from tests.support.concurrent_calls import concurrent_polls
from tests.support.emulation.emulator_process import EmulatedAccount, emulator_running
from tests.support.emulation.worker_rig import WorkerRig
from tests.support.fal.emulator_process import FalAccount, fal_running
from tests.support.servers import free_port
from tests.support.submissions import submission_for
from tests.support.timeouts import TIMEOUT

MANY = 60  #: requests that a process follows at once
QUEUED = ("fal", "replicate")
HOSTED = (*QUEUED, "gemini", "openai")

#: after acceptance, in place of the response; that of `hang` never comes
LOST = ("drop", "nginx_502", "500", "hang")
#: responses in which there is no request
UNREADABLE = {"fal": ("garbage",), "replicate": ("garbage", "nameless")}

#: what they say to a key that is not valid any more
REVOKED = {"gemini": "API key not valid", "openai": "Incorrect API key"}

#: in place of acceptance, by provider: how it is told
REFUSALS: dict[str, dict[str, type[Exception]]] = {
    "fal": {
        "429": RateLimited,
        "504_user": ProviderUnavailable,
        "422": ProviderRejected,
        "404": ProviderRejected,
        "401": ProviderAuth,
        "402": ProviderBalance,
        "403_locked": ProviderBalance,
        "redirect": AmbiguousSubmit,
    },
    "replicate": {
        "429": RateLimited,
        "422": ProviderRejected,
        "404": ProviderRejected,
        "401": ProviderAuth,
        "402": ProviderBalance,
        "403": ProviderAuth,
        "403_poor": ProviderBalance,
        "redirect": AmbiguousSubmit,
    },
    "gemini": {
        "429": RateLimited,
        "429_plain": RateLimited,
        "429_poor": ProviderBalance,
        "400": ProviderRejected,
        "400_key": ProviderAuth,
        "403": ProviderAuth,
        "404": ProviderRejected,
        "500": ProviderUnavailable,
        "503": ProviderUnavailable,
    },
    "openai": {
        "429": RateLimited,
        "429_poor": ProviderBalance,
        "400": ProviderRejected,
        "400_poor": ProviderBalance,
        "401": ProviderAuth,
        "403": ProviderAuth,
        "404": ProviderRejected,
    },
}

#: what is planned for a submission that comes too fast, and the seconds that are waited then
DELAYS: list[tuple[str, dict[str, Any], float]] = [
    ("fal", {"refusals": ["429"], "retry_after": "7"}, 7),
    ("fal", {"refusals": ["429"], "retry_after": "0"}, 0),
    ("fal", {"refusals": ["429"], "retry_after": "Fri, 31 Dec 1999 23:59:59 GMT"}, 0),
    ("fal", {"refusals": ["429"], "retry_after": "soon"}, 5),
    ("fal", {"refusals": ["429"], "retry_after": None}, 5),
    ("fal", {"refusals": ["429"], "retry_after": "1e9"}, 600),
    ("replicate", {"refusals": ["429"], "retry_after": "7"}, 7),
    ("replicate", {"refusals": ["429"], "retry_after": None}, 5),
    ("replicate", {"refusals": ["429"], "retry_after": "1e9"}, 600),
    ("replicate", {"refusals": ["429_plain"], "retry_after": None}, 30),
    ("gemini", {"refusals": ["429"]}, 17),
    ("gemini", {"refusals": ["429_plain"]}, 5),
    ("openai", {"refusals": ["429"]}, 7),
]

#: in place of a response to a question, by provider
TROUBLES = {
    "fal": [
        *({"statuses": [each] * 2} for each in ("500", "nginx_502", "drop", "429", "401")),
        *({"results": [each] * 2} for each in ("500", "nginx_502", "drop", "429", "401")),
        {"statuses": ["nonsense"] * 2},
        {"results": ["in_progress"] * 2},
    ],
    "replicate": [
        {"statuses": [each] * 2}
        for each in ("500", "nginx_502", "drop", "429", "401", "garbage", "strange")
    ],
}

#: ends without outputs, by provider: the error, and whether it was paid for
OUTCOMES: dict[str, dict[str, tuple[type[JobError], Charged]]] = {
    "fal": {
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
    },
    "replicate": {
        "policy": (ContentPolicy, "yes"),
        "interrupted": (ProviderUnavailable, "yes"),
        "timed_out": (ProviderTimeout, "yes"),
        "broken": (ProviderError, "yes"),
        "invalid": (ProviderRejected, "yes"),
        "unread": (ReferenceFailed, "yes"),
        "aborted": (ProviderUnavailable, "no"),
        "garbage": (ProviderProtocol, "yes"),
        "empty": (NoOutput, "yes"),
        "removed": (OutputExpired, "yes"),
    },
}


class Adapter(Provider, Protocol):
    """A provider with connections."""

    async def aclose(self) -> None: ...


class Rig(Protocol):
    """An adapter, its account at the emulator, and further adapters."""

    model: str
    provider: Provider

    @property
    def account(self) -> FalAccount | EmulatedAccount: ...

    def adapter(self, url: str, key: str, **options: Any) -> Adapter:
        """One more, which its caller closes."""


@pytest.fixture
def rig(request: pytest.FixtureRequest, provider: str) -> Rig:
    chosen: Rig = request.getfixturevalue(f"{provider}_rig")
    return chosen


@pytest.fixture
def submission(rig: Rig) -> Submission:
    return _submission(rig)


def _submission(rig: Rig, **arguments: Any) -> Submission:
    made = submission_for("demo", rig.model, Decimal("0.01"), **arguments)
    return replace(made, at=datetime.now(UTC))


def _plan(rig: Rig, submission: Submission, **plan: Any) -> None:
    rig.account.plan(submission.arguments["prompt"], **plan)


def _paid(rig: Rig, submission: Submission) -> tuple[int, int]:
    """Requests that were accepted for it, and POSTs of the account."""
    return len(rig.account.accepted(submission.arguments["prompt"])), rig.account.posts


@asynccontextmanager
async def _another(rig: Rig, **parts: Any) -> AsyncIterator[Provider]:
    """One more adapter of the account, or with another `url`, `key` or further options."""
    account = rig.account
    provider = rig.adapter(**{"url": account.url, "key": account.key, **parts})
    try:
        yield provider
    finally:
        await provider.aclose()


@asynccontextmanager
async def _unreachable(rig: Rig) -> AsyncIterator[Provider]:
    async with _another(rig, url=f"http://127.0.0.1:{free_port()}") as provider:
        yield provider


@asynccontextmanager
async def _revoked(rig: Rig) -> AsyncIterator[Provider]:
    async with _another(rig, key=f"revoked{uuid4().hex}") as provider:
        yield provider


# -- one submission


def _losses() -> list[tuple[str, str]]:
    further = {provider: UNREADABLE.get(provider, ("garbage",)) for provider in HOSTED}
    return [(name, loss) for name in HOSTED for loss in (*LOST, *further[name])]


@pytest.mark.parametrize(("provider", "loss"), _losses())
async def test_a_reply_that_is_lost_after_acceptance_is_sent_for_once(
    rig: Rig, submission: Submission, loss: str
) -> None:
    _plan(rig, submission, loss=loss)

    sending = asyncio.create_task(rig.provider.submit(submission))
    if loss == "hang":
        async with asyncio.timeout(TIMEOUT):
            while not rig.account.accepted(submission.arguments["prompt"]):
                await asyncio.sleep(0.02)
        sending.cancel()

    with pytest.raises((AmbiguousSubmit, asyncio.CancelledError)):
        await sending
    assert _paid(rig, submission) == (1, 1)


@pytest.mark.parametrize("provider", QUEUED)
async def test_a_compressed_reply_is_read(rig: Rig, submission: Submission) -> None:
    _plan(rig, submission, loss="gzip")

    assert isinstance(await rig.provider.submit(submission), Accepted)

    assert _paid(rig, submission) == (1, 1)


@pytest.mark.parametrize(
    ("provider", "refusal"), [(name, each) for name, of in REFUSALS.items() for each in of]
)
async def test_a_refusal_is_published_once(
    rig: Rig, submission: Submission, provider: str, refusal: str
) -> None:
    error = REFUSALS[provider][refusal]
    _plan(rig, submission, refusals=[refusal] * 5)

    with pytest.raises(error) as caught:
        await rig.provider.submit(submission)

    assert type(caught.value) is error
    assert _paid(rig, submission) == (0, 1)
    if isinstance(caught.value, AccountRefused):  # not the fault of the job
        assert caught.value.provider
        assert not caught.value.retryable


@pytest.mark.parametrize(("provider", "plan", "seconds"), DELAYS)
async def test_the_time_to_wait_is_what_the_provider_says_within_reason(
    rig: Rig, submission: Submission, plan: dict[str, Any], seconds: float
) -> None:
    _plan(rig, submission, **plan)

    with pytest.raises(RateLimited) as caught:
        await rig.provider.submit(submission)

    assert caught.value.seconds == seconds


@pytest.mark.parametrize("provider", HOSTED)
async def test_a_key_that_was_revoked_is_an_error_of_the_account(
    rig: Rig, submission: Submission, provider: str
) -> None:
    async with _revoked(rig) as revoked:
        with pytest.raises(ProviderAuth, match=REVOKED.get(provider)):
            await revoked.submit(submission)
        if provider in QUEUED:
            with pytest.raises(ProviderUnavailable) as caught:
                await revoked.poll(Request(request_id="a", endpoint=submission.endpoint))
            assert isinstance(caught.value.__cause__, ProviderAuth)


@pytest.mark.parametrize("provider", HOSTED)
async def test_a_refused_connection_means_nothing_was_sent(
    rig: Rig, submission: Submission
) -> None:
    async with _unreachable(rig) as unreachable:
        with pytest.raises(ProviderUnavailable) as caught:
            await unreachable.submit(submission)

    assert caught.value.retryable


# -- whole jobs


@pytest.mark.parametrize("loss", LOST)
@pytest.mark.parametrize("provider", QUEUED)
async def test_a_job_whose_reply_was_lost_finds_its_request_and_pays_once(
    rig: Rig, submission: Submission, loss: str
) -> None:
    _plan(rig, submission, loss=loss, seconds=0.1)
    worker = WorkerRig(rig.provider, rig.model, submit_limit=0.5)

    job = await worker.do(submission.arguments["prompt"])

    assert worker.steps(job.id) == ["accepted", "started", "submitting", "submitted", "rendered"]
    assert _paid(rig, submission) == (1, 1)


@pytest.mark.parametrize("loss", LOST)
@pytest.mark.parametrize("provider", QUEUED)
async def test_a_job_whose_request_is_not_to_be_seen_waits_for_a_person(
    rig: Rig, submission: Submission, loss: str
) -> None:
    _plan(rig, submission, loss=loss, is_listed=False)
    worker = WorkerRig(rig.provider, rig.model, submit_limit=0.5)

    job = await worker.do(submission.arguments["prompt"])

    assert job.step == "submit_unknown"
    assert job.error is not None
    assert "the reply to the submission was lost" in job.error.detail
    assert job.internal.attempts[-1].answer
    assert ("502" in job.error.detail) == (loss == "nginx_502")
    assert _paid(rig, submission) == (1, 1)


@pytest.mark.parametrize("provider", QUEUED)
async def test_a_rate_limited_job_is_sent_again_and_pays_once(
    rig: Rig, submission: Submission
) -> None:
    _plan(rig, submission, refusals=["429", "429"], retry_after="0.1")
    worker = WorkerRig(rig.provider, rig.model)

    job = await worker.do(submission.arguments["prompt"])

    assert (job.step, job.attempt) == ("rendered", 1)
    assert worker.steps(job.id).count("retry_scheduled") == 2
    assert _paid(rig, submission) == (1, 3)


STARTS: dict[str, Callable[[int], Any]] = {
    "fal": fal_running,
    "replicate": lambda port: emulator_running("replicate", port),
}


@pytest.mark.parametrize("provider", QUEUED)
async def test_a_job_without_a_connection_is_sent_again_and_pays_once(
    rig: Rig, submission: Submission, provider: str
) -> None:
    port, key, prompt = free_port(), rig.account.key, submission.arguments["prompt"]
    async with _another(rig, url=f"http://127.0.0.1:{port}") as unreachable:
        worker = WorkerRig(unreachable, rig.model, max_attempts=1000)
        job = asyncio.create_task(worker.do(prompt))
        starting = STARTS[provider](port)
        server = await asyncio.to_thread(starting.__enter__)
        try:
            done = await job
            accepted = server.account(key).accepted(prompt)
        finally:
            await asyncio.to_thread(starting.__exit__, None, None, None)

    assert worker.steps(done.id).count("retry_scheduled") >= 1
    assert (done.step, done.charged, len(accepted)) == ("rendered", "yes", 1)


# -- questions


async def _accepted(provider: Provider, submission: Submission) -> Request:
    accepted = await provider.submit(submission)
    assert isinstance(accepted, Accepted)
    return Request(request_id=accepted.request_id, endpoint=submission.endpoint)


@pytest.mark.parametrize(
    ("provider", "plan"), [(name, plan) for name, plans in TROUBLES.items() for plan in plans]
)
async def test_a_poll_without_a_response_is_repeated(
    rig: Rig, submission: Submission, plan: dict[str, Any]
) -> None:
    _plan(rig, submission, **plan)
    request = await _accepted(rig.provider, submission)

    for _ in range(2):
        with pytest.raises(ProviderUnavailable):
            await rig.provider.poll(request)

    assert isinstance(await rig.provider.poll(request), RequestSucceeded)
    assert rig.account.posts == 1


@pytest.mark.parametrize("provider", QUEUED)
async def test_a_question_that_hangs_is_given_up_in_time(rig: Rig, submission: Submission) -> None:
    _plan(rig, submission, statuses=["hang"])
    async with _another(rig, poll_limit=0.2) as impatient:
        request = await _accepted(impatient, submission)
        with pytest.raises(ProviderUnavailable):
            await impatient.poll(request)

    assert isinstance(await rig.provider.poll(request), RequestSucceeded)


@pytest.mark.parametrize("provider", QUEUED)
async def test_a_submission_does_not_wait_for_questions_that_hang(
    rig: Rig, submission: Submission
) -> None:
    _plan(rig, submission, statuses=["hang"] * MANY)
    async with _another(rig, poll_limit=60) as patient:
        request = await _accepted(patient, submission)
        async with concurrent_polls(patient, request, MANY) as questions:
            another = asyncio.create_task(patient.submit(_submission(rig)))
            async with asyncio.timeout(TIMEOUT):
                assert isinstance(await another, Accepted)
            assert not any(each.done() for each in questions)


@pytest.mark.parametrize(
    ("provider", "outcome"), [(name, each) for name, of in OUTCOMES.items() for each in of]
)
async def test_an_end_without_outputs_says_why_and_what_it_cost(
    rig: Rig, submission: Submission, provider: str, outcome: str
) -> None:
    _plan(rig, submission, outcome=outcome)

    end = await rig.provider.poll(await _accepted(rig.provider, submission))

    assert isinstance(end, RequestStopped)
    assert (type(end.error), end.charged) == OUTCOMES[provider][outcome]
    assert len(end.excerpt or "") <= 4096


# -- the list


@pytest.mark.parametrize("provider", QUEUED)
async def test_a_request_is_found_by_its_seed_among_many_with_its_prompt(
    rig: Rig, submission: Submission
) -> None:
    prompt = submission.arguments["prompt"]
    request = await _accepted(rig.provider, submission)
    for _ in range(110):  # more than a page
        await rig.provider.submit(_submission(rig, prompt=prompt))

    assert await rig.provider.look_up(submission) == Ambiguous(request_ids=(request.request_id,))


@pytest.mark.parametrize("provider", QUEUED)
async def test_a_list_that_is_not_shown_proves_nothing(rig: Rig, submission: Submission) -> None:
    for adapter in (_unreachable(rig), _revoked(rig)):
        async with adapter as blind:
            with pytest.raises(ProviderUnavailable):
                await blind.look_up(submission)
