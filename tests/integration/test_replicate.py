"""Whatever happens to a prediction, Replicate accepts one, and what it says is heard as it is meant."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from replicate.client import Client

from heliograph.contracts.attempts import SentReference
from heliograph.contracts.errors import (
    ProviderRejected,
    ProviderUnavailable,
)
from services.render.providers import Provider, Request
from services.render.providers.lookup_results import Unknown
from services.render.providers.request_states import (
    RequestQueued,
    RequestRunning,
    RequestStopped,
    RequestSucceeded,
    State,
)
from services.render.providers.submissions import Accepted, Submission
from tests.support.emulation.emulator_process import EmulatedAccount
from tests.support.emulation.worker_rig import WorkerRig
from tests.support.replicate.rig import EDIT, MODEL, ReplicateRig, a_submission
from tests.support.submissions import with_body
from tests.support.timeouts import TIMEOUT


@pytest.fixture
def rig(replicate_rig: ReplicateRig) -> ReplicateRig:
    return replicate_rig


@pytest.fixture
def account(rig: ReplicateRig) -> EmulatedAccount:
    return rig.account


@pytest.fixture
def prompt() -> str:
    return f"a lighthouse {uuid4().hex}"


async def _accepted(provider: Provider, submission: Submission) -> Request:
    accepted = await provider.submit(submission)
    assert isinstance(accepted, Accepted)
    return Request(request_id=accepted.request_id, endpoint=submission.endpoint)


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


async def test_a_refusal_names_the_field(
    rig: ReplicateRig, account: EmulatedAccount, prompt: str
) -> None:
    account.plan(prompt, refusals=["422"])

    with pytest.raises(ProviderRejected) as caught:
        await rig.provider.submit(a_submission(prompt=prompt))

    assert [field.pointer for field in caught.value.errors] == ["/prompt"]


async def test_arguments_are_mapped_to_the_models_names(
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


async def test_a_job_whose_prediction_cannot_be_known_again_waits_for_a_person(
    rig: ReplicateRig, account: EmulatedAccount, prompt: str
) -> None:
    """It is in the list, with no seed that would tell it from others."""
    account.plan(prompt, loss="drop")
    worker = WorkerRig(rig.provider, "replicate/imagen-4")

    job = await worker.do(prompt)

    assert job.step == "submit_unknown"
    assert (len(account.accepted(prompt)), account.posts) == (1, 1)


async def test_a_prediction_that_was_given_up_before_it_began_is_tried_again_for_nothing(
    rig: ReplicateRig, account: EmulatedAccount, prompt: str
) -> None:
    account.plan(prompt, outcome="aborted")
    worker = WorkerRig(rig.provider, MODEL)

    job = await worker.do(prompt)

    assert (job.step, job.charged, job.attempt) == ("failed", "no", 3)


# -- questions


async def test_a_prediction_waits_works_and_tells_its_log(
    rig: ReplicateRig, account: EmulatedAccount, prompt: str
) -> None:
    account.plan(prompt, queued=2, hangs=True, seconds=2)
    request = await _accepted(rig.provider, a_submission(prompt=prompt))

    waiting = await rig.provider.poll(request)
    async with asyncio.timeout(TIMEOUT):
        working: State = waiting
        while not (isinstance(working, RequestRunning) and working.progress.percent):
            await asyncio.sleep(0.05)
            working = await rig.provider.poll(request)

    assert isinstance(waiting, RequestQueued)
    assert isinstance(working, RequestRunning)
    assert working.progress.logs[0].message == "Using seed: 7"
    assert 0 < (working.progress.percent or 0) < 100


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
    worker = WorkerRig(rig.provider, MODEL, breaker_min=0.05, max_attempts=1, submit_limit=TIMEOUT)

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


async def test_what_was_made_long_before_is_another(rig: ReplicateRig, prompt: str) -> None:
    submission = a_submission(prompt=prompt)
    await rig.provider.submit(submission)
    later = Submission(**{**vars(submission), "at": datetime.now(UTC) + timedelta(minutes=5)})

    assert await rig.provider.look_up(later) == Unknown()
