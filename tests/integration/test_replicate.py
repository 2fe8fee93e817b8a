"""Whatever happens to a prediction, Replicate accepts one, and what it says is heard as it is meant."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from replicate.client import Client

from heliograph.contracts.errors import (
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
from heliograph.contracts.records import SentReference
from services.render.providers import (
    Accepted,
    Ambiguous,
    AmbiguousSubmit,
    Provider,
    RateLimited,
    Request,
    RequestQueued,
    RequestRunning,
    RequestStopped,
    RequestSucceeded,
    State,
    Submission,
    Unknown,
)
from tests.support.concurrent_calls import concurrent_polls
from tests.support.emulation.emulator_process import EmulatedAccount, Emulator, emulator_running
from tests.support.emulation.worker_rig import WorkerRig
from tests.support.replicate.rig import EDIT, MODEL, ReplicateRig, a_replicate, a_submission
from tests.support.servers import free_port
from tests.support.submissions import with_body

MANY = 60  #: predictions that a process follows at once
LOST = ["drop", "nginx_502", "500", "hang"]


@pytest.fixture
async def rig(replicate_server: Emulator) -> AsyncIterator[ReplicateRig]:
    rig = ReplicateRig(replicate_server)
    yield rig
    await rig.aclose()


@pytest.fixture
def account(rig: ReplicateRig) -> EmulatedAccount:
    return rig.account


@pytest.fixture
def prompt() -> str:
    return f"a lighthouse {uuid4().hex}"


async def _accepted(provider: Provider, submission: Submission) -> Request:
    answer = await provider.submit(submission)
    assert isinstance(answer, Accepted)
    return Request(request_id=answer.request_id, endpoint=submission.endpoint)


def test_replicates_own_client_takes_the_emulator_for_replicate(
    account: EmulatedAccount, prompt: str
) -> None:
    """What our adapter is shown is what Replicate shows."""
    client = Client(api_token=account.key, base_url=account.url)

    made = client.models.predictions.create("black-forest-labs/flux-schnell", {"prompt": prompt})
    made.wait()
    [listed] = client.predictions.list().results

    client._client.close()
    assert made.status == "succeeded"
    assert made.output == listed.output
    assert (made.id, listed.input) == (listed.id, {"prompt": prompt})


# -- one submission


@pytest.mark.parametrize("loss", [*LOST, "garbage", "nameless"])
async def test_a_reply_that_is_lost_after_acceptance_is_sent_for_once(
    rig: ReplicateRig, account: EmulatedAccount, prompt: str, loss: str
) -> None:
    account.plan(prompt, loss=loss)

    with pytest.raises((AmbiguousSubmit, TimeoutError)):
        async with asyncio.timeout(4):
            await rig.provider.submit(a_submission(prompt=prompt))

    assert (len(account.accepted(prompt)), account.posts) == (1, 1)


async def test_a_compressed_reply_is_read(
    rig: ReplicateRig, account: EmulatedAccount, prompt: str
) -> None:
    account.plan(prompt, loss="gzip")

    accepted = await rig.provider.submit(a_submission(prompt=prompt))

    assert isinstance(accepted, Accepted)
    assert len(account.accepted(prompt)) == 1


@pytest.mark.parametrize(
    ("refusal", "error"),
    [
        ("429", RateLimited),
        ("422", ProviderRejected),
        ("404", ProviderRejected),
        ("401", ProviderAuth),
        ("402", ProviderBalance),
        ("403", ProviderAuth),
        ("403_poor", ProviderBalance),
        ("redirect", AmbiguousSubmit),
    ],
)
async def test_a_refusal_is_heard_once(
    rig: ReplicateRig, account: EmulatedAccount, prompt: str, refusal: str, error: type[Exception]
) -> None:
    account.plan(prompt, refusals=[refusal] * 5)

    with pytest.raises(error) as caught:
        await rig.provider.submit(a_submission(prompt=prompt))

    assert type(caught.value) is error
    assert (len(account.accepted(prompt)), account.posts) == (0, 1)


async def test_a_refusal_names_the_field(
    rig: ReplicateRig, account: EmulatedAccount, prompt: str
) -> None:
    account.plan(prompt, refusals=["422"])

    with pytest.raises(ProviderRejected) as caught:
        await rig.provider.submit(a_submission(prompt=prompt))

    assert [field.pointer for field in caught.value.errors] == ["/prompt"]


@pytest.mark.parametrize(
    ("refusal", "header", "seconds"),
    [("429", "7", 7), ("429", None, 5), ("429", "1e9", 600), ("429_plain", None, 30)],
)
async def test_the_time_to_wait_is_what_replicate_says_within_reason(
    rig: ReplicateRig,
    account: EmulatedAccount,
    prompt: str,
    refusal: str,
    header: str | None,
    seconds: float,
) -> None:
    account.plan(prompt, refusals=[refusal], retry_after=header)

    with pytest.raises(RateLimited) as caught:
        await rig.provider.submit(a_submission(prompt=prompt))

    assert caught.value.seconds == seconds


async def test_a_refused_connection_means_nothing_was_sent() -> None:
    provider = a_replicate(f"http://127.0.0.1:{free_port()}", "key")

    with pytest.raises(ProviderUnavailable) as caught:
        await provider.submit(a_submission())

    assert caught.value.retryable
    await provider.aclose()


async def test_what_is_sent_is_said_in_the_words_of_the_model(
    rig: ReplicateRig, account: EmulatedAccount, prompt: str
) -> None:
    submission = a_submission(prompt=prompt, num_images=2, aspect_ratio="3:2", timeout_seconds=9)

    await rig.provider.submit(submission)

    [sent] = account.accepted(prompt)
    seed = sent["body"]["input"].pop("seed")
    assert sent["path"] == "/v1/models/black-forest-labs/flux-schnell/predictions"
    assert sent["body"]["input"] == {"prompt": prompt, "num_outputs": 2, "aspect_ratio": "3:2"}
    assert 0 <= seed < 2**31


async def test_a_reference_is_sent_where_the_model_takes_it(
    rig: ReplicateRig, account: EmulatedAccount, prompt: str
) -> None:
    copy = await rig.provider.upload("image/png", b"\x89PNG")
    submission = a_submission(EDIT, prompt=prompt)
    submission.references.append(SentReference(url=copy.url, digest="sha256:0"))
    submission = with_body(submission)

    await rig.provider.submit(submission)

    [sent] = account.accepted(prompt)
    assert sent["body"]["input"]["input_image"] == copy.url
    assert 22 * 3600 < copy.ttl <= 24 * 3600


async def test_a_reference_that_is_turned_away_says_so(
    rig: ReplicateRig, account: EmulatedAccount
) -> None:
    account.turn_away(1)

    with pytest.raises(ProviderUnavailable):
        await rig.provider.upload("image/png", b"\x89PNG")

    assert (await rig.provider.upload("image/png", b"\x89PNG")).url


# -- whole jobs


@pytest.mark.parametrize("loss", LOST)
async def test_a_job_whose_reply_was_lost_finds_its_prediction_and_pays_once(
    rig: ReplicateRig, account: EmulatedAccount, prompt: str, loss: str
) -> None:
    account.plan(prompt, loss=loss, seconds=0.1)
    worker = WorkerRig(rig.provider, MODEL)

    job = await worker.do(prompt)

    assert worker.steps(job.id) == ["accepted", "started", "submitting", "submitted", "rendered"]
    assert (len(account.accepted(prompt)), account.posts) == (1, 1)


@pytest.mark.parametrize(("model", "is_listed"), [(MODEL, False), ("replicate/imagen-4", True)])
async def test_a_job_whose_prediction_cannot_be_known_again_waits_for_a_person(
    rig: ReplicateRig, account: EmulatedAccount, prompt: str, model: str, is_listed: bool
) -> None:
    account.plan(prompt, loss="drop", is_listed=is_listed)
    worker = WorkerRig(rig.provider, model)

    job = await worker.do(prompt)

    assert job.step == "submit_unknown"
    assert (len(account.accepted(prompt)), account.posts) == (1, 1)


async def test_a_job_that_is_told_too_fast_is_sent_again_and_pays_once(
    rig: ReplicateRig, account: EmulatedAccount, prompt: str
) -> None:
    account.plan(prompt, refusals=["429", "429"], retry_after="0.1")
    worker = WorkerRig(rig.provider, MODEL)

    job = await worker.do(prompt)

    assert (job.step, job.attempt) == ("rendered", 1)
    assert (len(account.accepted(prompt)), account.posts) == (1, 3)


async def test_a_job_without_a_connection_is_sent_again_and_pays_once(prompt: str) -> None:
    port, key = free_port(), uuid4().hex
    provider = a_replicate(f"http://127.0.0.1:{port}", key)
    worker = WorkerRig(provider, MODEL, max_attempts=1000)

    job = asyncio.create_task(worker.do(prompt))
    with ExitStack() as running:
        begin = running.enter_context
        server = await asyncio.to_thread(begin, emulator_running("replicate", port))
        done = await job
        accepted = server.account(key).accepted(prompt)

    await provider.aclose()
    assert worker.steps(done.id).count("retry_scheduled") >= 1
    assert (done.step, done.charged, len(accepted)) == ("rendered", "yes", 1)


async def test_a_prediction_that_was_given_up_before_it_began_is_tried_again_for_nothing(
    rig: ReplicateRig, account: EmulatedAccount, prompt: str
) -> None:
    account.plan(prompt, outcome="aborted")
    worker = WorkerRig(rig.provider, MODEL)

    job = await worker.do(prompt)

    assert (job.step, job.charged, job.attempt) == ("failed", "no", 3)


# -- questions


@pytest.mark.parametrize(
    "trouble", ["500", "nginx_502", "drop", "429", "401", "garbage", "strange"]
)
async def test_a_question_without_an_answer_is_asked_again(
    rig: ReplicateRig, account: EmulatedAccount, prompt: str, trouble: str
) -> None:
    account.plan(prompt, statuses=[trouble, trouble])
    request = await _accepted(rig.provider, a_submission(prompt=prompt))

    for _ in range(2):
        with pytest.raises(ProviderUnavailable):
            await rig.provider.poll(request)

    assert isinstance(await rig.provider.poll(request), RequestSucceeded)
    assert account.posts == 1


async def test_a_question_that_hangs_is_given_up_in_time(
    rig: ReplicateRig, replicate_server: Emulator, account: EmulatedAccount, prompt: str
) -> None:
    provider = a_replicate(replicate_server.url, account.key, poll_limit=0.2)
    account.plan(prompt, statuses=["hang"])
    request = await _accepted(provider, a_submission(prompt=prompt))

    with pytest.raises(ProviderUnavailable):
        await provider.poll(request)

    assert isinstance(await rig.provider.poll(request), RequestSucceeded)
    await provider.aclose()


async def test_a_submission_does_not_wait_for_questions_that_hang(
    replicate_server: Emulator, account: EmulatedAccount, prompt: str
) -> None:
    provider = a_replicate(replicate_server.url, account.key, poll_limit=60)
    account.plan(prompt, statuses=["hang"] * MANY)
    request = await _accepted(provider, a_submission(prompt=prompt))

    async with concurrent_polls(provider, request, MANY) as questions:
        another = asyncio.create_task(provider.submit(a_submission()))

        async with asyncio.timeout(90):
            assert (await another).request_id
        assert not any(each.done() for each in questions)
    await provider.aclose()


async def test_a_prediction_waits_works_and_tells_its_log(
    rig: ReplicateRig, account: EmulatedAccount, prompt: str
) -> None:
    account.plan(prompt, queued=2, hangs=True, seconds=2)
    request = await _accepted(rig.provider, a_submission(prompt=prompt))

    waiting = await rig.provider.poll(request)
    async with asyncio.timeout(60):
        working: State = waiting
        while not (isinstance(working, RequestRunning) and working.progress.percent):
            await asyncio.sleep(0.05)
            working = await rig.provider.poll(request)

    assert isinstance(waiting, RequestQueued)
    assert isinstance(working, RequestRunning)
    assert working.progress.logs[0].message == "Using seed: 7"
    assert 0 < (working.progress.percent or 0) < 100


OUTCOMES: dict[str, tuple[type[JobError], Charged]] = {
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
}


@pytest.mark.parametrize("outcome", OUTCOMES)
async def test_an_end_without_outputs_says_why_and_what_it_cost(
    rig: ReplicateRig, account: EmulatedAccount, prompt: str, outcome: str
) -> None:
    account.plan(prompt, outcome=outcome)

    end = await rig.provider.poll(await _accepted(rig.provider, a_submission(prompt=prompt)))

    assert isinstance(end, RequestStopped)
    assert (type(end.error), end.charged) == OUTCOMES[outcome]
    assert len(end.answer or "") <= 4096


async def test_an_invalid_output_url_is_withheld_and_the_others_kept(
    rig: ReplicateRig, account: EmulatedAccount, prompt: str
) -> None:
    account.plan(prompt, outcome="endless")

    end = await rig.provider.poll(await _accepted(rig.provider, a_submission(prompt=prompt)))

    assert isinstance(end, RequestSucceeded)
    assert len(end.outputs) == 1
    assert [(each.index, each.reason) for each in end.withheld] == [(1, "provider_protocol")]


async def test_what_failed_and_counted_no_outputs_may_have_cost_something(
    rig: ReplicateRig, account: EmulatedAccount, prompt: str
) -> None:
    account.plan(prompt, outcome="interrupted", is_counted=False)

    end = await rig.provider.poll(await _accepted(rig.provider, a_submission(prompt=prompt)))

    assert isinstance(end, RequestStopped)
    assert end.charged == "unknown"
    assert end.error.provider
    assert end.error.provider.code == "PA"


@pytest.mark.parametrize(
    "plan", [{"outcome": "wordy"}, {"refusals": ["422_wordy"]}, {"refusals": ["402_wordy"]}]
)
async def test_of_an_error_without_end_only_the_beginning_is_written_down(
    rig: ReplicateRig, account: EmulatedAccount, prompt: str, plan: dict[str, Any]
) -> None:
    account.plan(prompt, **plan)
    worker = WorkerRig(rig.provider, MODEL, breaker_min=0.05, max_attempts=1)

    job = await worker.do(prompt)

    assert job.step in ("failed", "rendered")
    sizes = [len(entry.event.data()) for entry in worker.events.of(job.id)]
    assert max(sizes) < 100_000


@pytest.mark.parametrize("outcome", ["one", "named"])
async def test_one_output_is_one_however_it_is_given(
    rig: ReplicateRig, account: EmulatedAccount, prompt: str, outcome: str
) -> None:
    account.plan(prompt, outcome=outcome)

    end = await rig.provider.poll(await _accepted(rig.provider, a_submission(prompt=prompt)))

    assert isinstance(end, RequestSucceeded)
    assert len(end.outputs) == 1


async def test_a_prediction_that_is_stopped_before_it_began_costs_nothing(
    rig: ReplicateRig, account: EmulatedAccount, prompt: str
) -> None:
    account.plan(prompt, queued=60)
    request = await _accepted(rig.provider, a_submission(prompt=prompt))

    await rig.provider.cancel(request)

    end = await rig.provider.poll(request)
    assert isinstance(end, RequestStopped)
    assert (str(end.error), end.charged) == ("stopped on request", "no")


# -- the list


async def test_a_prediction_is_found_by_its_seed_among_many_with_its_prompt(
    rig: ReplicateRig, prompt: str
) -> None:
    submission = a_submission(prompt=prompt)
    request = await _accepted(rig.provider, submission)
    for _ in range(110):  # more than a page
        await rig.provider.submit(a_submission(prompt=prompt))

    assert await rig.provider.look_up(submission) == Ambiguous(request_ids=(request.request_id,))


async def test_what_was_made_long_before_is_another(rig: ReplicateRig, prompt: str) -> None:
    submission = a_submission(prompt=prompt)
    await rig.provider.submit(submission)
    later = Submission(**{**vars(submission), "at": datetime.now(UTC) + timedelta(minutes=5)})

    assert await rig.provider.look_up(later) == Unknown()


async def test_a_list_that_is_not_shown_proves_nothing(replicate_server: Emulator) -> None:
    nobody = a_replicate(f"http://127.0.0.1:{free_port()}", "key")
    revoked = a_replicate(replicate_server.url, f"revoked{uuid4().hex}")

    for provider in (nobody, revoked):
        with pytest.raises(ProviderUnavailable):
            await provider.look_up(a_submission())
        await provider.aclose()
