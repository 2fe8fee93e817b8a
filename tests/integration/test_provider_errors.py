"""What an OpenAI-compatible server says of its errors reaches the job and the audit of its attempt."""

from typing import Any

import pytest

from heliograph.contracts.attempts import Takeover
from heliograph.contracts.outputs import Output, Withheld
from heliograph.contracts.records import Record
from services.render.providers.request_states import RequestStopped, RequestSucceeded
from services.render.providers.submissions import RateLimited
from tests.support.emulation.inline_rigs import GeminiRig, OpenAIRig, a_submission
from tests.support.emulation.worker_rig import WorkerRig

SENTENCE = "Prompt asks for 900x900, this model draws 1024x1024 only"


async def job_of(rig: OpenAIRig, **plan: Any) -> Record:
    prompt = a_submission(rig.model).arguments["prompt"]
    rig.account.plan(prompt, **plan)
    return await WorkerRig(rig.provider, rig.model, max_attempts=1).do(prompt)


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, {"error": SENTENCE}, "provider_rejected"),
        (422, {"detail": [{"loc": ["body", "size"], "msg": SENTENCE}]}, "provider_rejected"),
        (400, {"error": {"code": "content_filter", "message": SENTENCE}}, "content_policy"),
        (404, SENTENCE, "provider_rejected"),
    ],
    ids=str,
)
async def test_a_refusal_is_in_the_job_and_in_the_attempt(
    openai_rig: OpenAIRig, status: int, body: Any, code: str
) -> None:
    job = await job_of(openai_rig, refusal={"status": status, "body": body})

    assert job.error
    assert job.error.code == code
    assert SENTENCE in job.error.detail
    assert SENTENCE in (job.internal.attempts[-1].answer or "")
    assert [each.kind for each in job.error.next_actions] == ["change_request"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"error": {"message": SENTENCE, "code": "prompt_too_long"}}, "provider_rejected"),
        ({"error": SENTENCE, "data": []}, "provider_rejected"),
        ({"error": {"message": SENTENCE, "code": "content_filter"}}, "content_policy"),
        ({"error": {"message": SENTENCE, "code": 503}}, "provider_unavailable"),
        ({"message": SENTENCE, "data": []}, "no_output"),
    ],
    ids=str,
)
async def test_an_error_with_a_success_status_is_reported_and_not_retried(
    openai_rig: OpenAIRig, body: Any, code: str
) -> None:
    job = await job_of(openai_rig, response_body=body)

    assert job.error
    assert (job.step, job.error.code) == ("failed", code)
    assert SENTENCE in job.error.detail
    assert SENTENCE in (job.internal.attempts[-1].answer or "")
    assert openai_rig.account.posts == 1
    assert job.charged == ("yes" if code == "no_output" else "unknown")


async def test_an_error_beside_a_picture_takes_nothing_away(openai_rig: OpenAIRig) -> None:
    job = await job_of(
        openai_rig, response_body={"error": "late", "data": [{"b64_json": "<base64 0>"}]}
    )

    assert (job.step, job.charged) == ("rendered", "yes")
    assert len(job.internal.outputs) == 1


async def test_too_fast_is_waited_out_as_the_server_says_it(openai_rig: OpenAIRig) -> None:
    refusal = {
        "status": 429,
        "headers": {"retry-after-ms": "150"},
        "body": {"error": {"message": "Rate limit reached", "code": "rate_limit_exceeded"}},
    }
    submission = a_submission(openai_rig.model)
    prompt = submission.arguments["prompt"]
    openai_rig.account.plan(prompt, refusal=refusal)

    with pytest.raises(RateLimited, match="Rate limit reached") as caught:
        await openai_rig.provider.submit(submission)

    assert caught.value.seconds == 0.15
    assert "rate_limit_exceeded" in (caught.value.excerpt or "")


@pytest.mark.parametrize("body", [{"error": {"message": SENTENCE}}, {"error": SENTENCE}], ids=str)
async def test_a_gemini_error_with_a_success_status_is_reported(
    gemini_rig: GeminiRig, body: Any
) -> None:
    submission = a_submission(gemini_rig.model)
    gemini_rig.account.plan(submission.arguments["prompt"], response_body=body)

    end = await gemini_rig.provider.submit(submission)

    assert isinstance(end, RequestStopped)
    assert (end.error.code, str(end.error), end.charged) == (
        "provider_rejected",
        SENTENCE,
        "unknown",
    )


async def test_a_byte_order_mark_before_an_answer_is_read(
    gemini_rig: GeminiRig, openai_rig: OpenAIRig
) -> None:
    for each in (gemini_rig, openai_rig):
        submission = a_submission(each.model)
        each.account.plan(submission.arguments["prompt"], mark=True)
        assert isinstance(await each.provider.submit(submission), RequestSucceeded)


async def test_a_retry_from_download_says_which_outputs_were_never_there(
    openai_rig: OpenAIRig,
) -> None:
    outputs = [Output(url="https://there.example/1.png")]
    missing = [Withheld(index=1, reason="no_output")]
    old = Takeover(job="job_old", account="openai", endpoint="x", outputs=outputs, withheld=missing)

    job = await WorkerRig(openai_rig.provider, openai_rig.model).do("a lighthouse", old)

    assert (job.step, job.charged, job.withheld) == ("rendered", "no", missing)
    assert job.detail == "1 of 2 outputs withheld: no_output"
    assert openai_rig.account.posts == 0
