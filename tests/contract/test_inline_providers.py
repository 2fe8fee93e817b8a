"""A provider that answers with its outputs is asked once, and what it made is brought to storage."""

from dataclasses import replace
from uuid import uuid4

import openai
import pytest

from heliograph.contracts.errors import (
    ContentPolicy,
    JobError,
    NoOutput,
    ProviderProtocol,
    ProviderRejected,
)
from heliograph.contracts.payloads import UnfitRequest
from heliograph.contracts.problems import Charged
from services.render.providers import Request
from services.render.providers.lookup_results import Unknown
from services.render.providers.request_states import RequestStopped, RequestSucceeded
from services.render.providers.submissions import Submission
from tests.support.emulation.emulator_process import Emulator
from tests.support.emulation.inline_rigs import GeminiRig, InlineRig, OpenAIRig, a_submission
from tests.support.emulation.worker_rig import WorkerRig


@pytest.fixture(params=["gemini_rig", "openai_rig"])
def rig(request: pytest.FixtureRequest) -> InlineRig:
    chosen: InlineRig = request.getfixturevalue(request.param)
    return chosen


@pytest.fixture
def submission(rig: InlineRig) -> Submission:
    return a_submission(rig.model)


def _paid(rig: InlineRig, submission: Submission) -> tuple[int, int]:
    """Requests that were accepted for it, and POSTs of the account."""
    return len(rig.account.accepted(submission.arguments["prompt"])), rig.account.posts


def _plan(rig: InlineRig, submission: Submission, **plan: object) -> None:
    rig.account.plan(submission.arguments["prompt"], **plan)


# -- the promises


async def test_the_answer_is_the_outputs(rig: InlineRig, submission: Submission) -> None:
    end = await rig.provider.submit(submission)

    assert isinstance(end, RequestSucceeded)
    assert end.charged == "yes"
    [output] = end.outputs
    assert output.inline
    assert end.contents[output.inline].startswith(b"\x89PNG")
    assert _paid(rig, submission) == (1, 1)
    assert "lighthouse" not in (end.excerpt or "")


async def test_an_inline_response_cannot_be_requested_again(
    rig: InlineRig, submission: Submission
) -> None:
    await rig.provider.submit(submission)
    request = Request(request_id="any", endpoint=submission.endpoint)

    await rig.provider.cancel(request)
    end = await rig.provider.poll(request)

    assert await rig.provider.look_up(submission) == Unknown()
    assert isinstance(end, RequestStopped)
    assert end.charged == "unknown"
    assert _paid(rig, submission) == (1, 1)


# -- what they refuse, and how they end without outputs


async def _ends(rig: InlineRig, submission: Submission, outcome: str) -> tuple[object, Charged]:
    _plan(rig, submission, outcome=outcome)
    end = await rig.provider.submit(submission)
    assert isinstance(end, RequestStopped)
    return type(end.error), end.charged


IMAGES: dict[str, tuple[type[JobError], Charged]] = {
    "blocked": (ContentPolicy, "unknown"),
    "stopped": (ContentPolicy, "yes"),
    "empty": (NoOutput, "yes"),
    "silent": (NoOutput, "yes"),
}
STORIES: dict[str, tuple[type[JobError], Charged]] = {
    "blocked": (ContentPolicy, "unknown"),
    "silent": (NoOutput, "yes"),
}


@pytest.mark.parametrize("outcome", IMAGES)
async def test_an_answer_of_gemini_without_images_says_why(
    gemini_rig: GeminiRig, outcome: str
) -> None:
    assert await _ends(gemini_rig, a_submission(gemini_rig.model), outcome) == IMAGES[outcome]


@pytest.mark.parametrize("outcome", STORIES)
async def test_an_answer_of_gemini_without_a_story_says_why(
    gemini_rig: GeminiRig, outcome: str
) -> None:
    assert await _ends(gemini_rig, a_submission(gemini_rig.text), outcome) == STORIES[outcome]


@pytest.mark.parametrize(
    ("outcome", "error", "charged"),
    [
        ("policy", ContentPolicy, "unknown"),
        ("empty", NoOutput, "yes"),
        ("strange", ProviderProtocol, "yes"),
        ("broken", ProviderProtocol, "yes"),
    ],
)
async def test_an_answer_of_openai_without_images_says_why(
    openai_rig: OpenAIRig, outcome: str, error: type[JobError], charged: Charged
) -> None:
    assert await _ends(openai_rig, a_submission(openai_rig.model), outcome) == (error, charged)


# -- what is asked


def test_what_gemini_could_misunderstand_makes_no_body(gemini_rig: GeminiRig) -> None:
    """Its client takes options for itself there: how often to send a request, for one."""
    with pytest.raises(UnfitRequest, match="http_options"):
        a_submission(gemini_rig.model, http_options={"retry_options": {"attempts": 4}})


async def test_openai_arguments_are_mapped(openai_rig: OpenAIRig) -> None:
    submission = a_submission(openai_rig.model, num_images=2, aspect_ratio="3:2", quality="high")

    end = await openai_rig.provider.submit(submission)

    [sent] = openai_rig.account.accepted(submission.arguments["prompt"])
    assert isinstance(end, RequestSucceeded)
    assert len(end.outputs) == 2
    assert sent["body"] == {
        "model": "gpt-image-2",
        "prompt": submission.arguments["prompt"],
        "n": 2,
        "size": "1536x1024",
        "quality": "medium",  # what the price rests on
    }


async def test_images_with_urls_are_not_uploaded(openai_rig: OpenAIRig) -> None:
    submission = a_submission(openai_rig.model)
    _plan(openai_rig, submission, outcome="addresses")

    end = await openai_rig.provider.submit(submission)

    assert isinstance(end, RequestSucceeded)
    [output] = end.outputs
    assert (output.url or "").startswith(openai_rig.account.url)


async def test_an_unknown_model_is_rejected_without_a_request(rig: InlineRig) -> None:
    submission = replace(a_submission(rig.model), model="somebody/else")

    with pytest.raises(ProviderRejected):
        await rig.provider.submit(submission)

    assert rig.account.posts == 0


async def test_openais_own_client_takes_the_emulator_for_openai(openai_server: Emulator) -> None:
    """What our adapter is shown is what OpenAI shows; and left alone, that client pays twice."""
    account, prompt = openai_server.account(uuid4().hex), f"a lighthouse {uuid4().hex}"
    account.plan(prompt, loss="500")
    client = openai.AsyncOpenAI(api_key=account.key, base_url=f"{account.url}/v1", max_retries=1)

    async with client:
        with pytest.raises(openai.InternalServerError):
            await client.images.generate(model="gpt-image-2", prompt=prompt)
        whole = await client.images.generate(model="gpt-image-2", prompt="a lamp", n=2)

    assert len(whole.data or []) == 2
    assert len(account.accepted(prompt)) == 2


# -- whole jobs


async def test_a_job_whose_answer_was_lost_waits_for_a_person_and_pays_once(
    rig: InlineRig, submission: Submission
) -> None:
    _plan(rig, submission, loss="drop")
    worker = WorkerRig(rig.provider, rig.model)

    job = await worker.do(submission.arguments["prompt"])

    assert job.step == "submit_unknown"
    assert _paid(rig, submission) == (1, 1)


@pytest.mark.parametrize(("answers_within", "step"), [(10.0, "rendered"), (None, "submit_unknown")])
async def test_an_answer_with_outputs_is_waited_for_longer(
    openai_rig: OpenAIRig, answers_within: float | None, step: str
) -> None:
    submission = a_submission(openai_rig.model)
    _plan(openai_rig, submission, seconds=1.5)
    worker = WorkerRig(
        openai_rig.provider, openai_rig.model, submit_limit=0.7, answers_within=answers_within
    )

    job = await worker.do(submission.arguments["prompt"])

    assert job.step == step
    assert _paid(openai_rig, submission) == (1, 1)


async def test_a_refusal_after_the_work_is_not_retried(
    openai_rig: OpenAIRig,
) -> None:
    submission = a_submission(openai_rig.model)
    _plan(openai_rig, submission, outcome="policy")
    worker = WorkerRig(openai_rig.provider, openai_rig.model)

    job = await worker.do(submission.arguments["prompt"])

    assert (job.step, job.charged) == ("failed", "unknown")
    assert job.error
    assert job.error.code == "content_policy"
    assert _paid(openai_rig, submission) == (1, 1)
