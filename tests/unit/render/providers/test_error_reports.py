"""What a server says went wrong is read in whatever shape it says it, and nothing of it is lost."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from heliograph.contracts.errors import JobError, ProviderAuth, ProviderBalance, ProviderRejected
from services.render.providers.error_report import ErrorReport, error_within
from services.render.providers.fal.errors import raise_for_submission as fal_refuses
from services.render.providers.fal.result_failures import classify as fal_verdict
from services.render.providers.gemini.errors import classify as gemini_refuses
from services.render.providers.openai.errors import classify as openai_refuses
from services.render.providers.replicate.errors import raise_for_submission as replicate_refuses
from services.render.providers.request_states import RequestStopped
from services.render.providers.submissions import AmbiguousSubmit, RateLimited

SENTENCE = "Prompt asks for 900x900, this model draws 1024x1024 only"
REFUSALS: dict[str, Callable[[httpx.Response], Any]] = {
    "fal": fal_refuses,
    "replicate": replicate_refuses,
    "gemini": gemini_refuses,
    "openai": openai_refuses,
}


def response(body: Any, status: int = 400, headers: dict[str, str] | None = None) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.Response(status, content=content, headers=headers)


def report(body: Any, status: int = 400) -> ErrorReport:
    return ErrorReport.of(response(body, status), "the server")


#: shapes of the same sentence, from servers of many kinds
SHAPES: dict[str, Any] = {
    "a text": SENTENCE.encode(),
    "a text in JSON": SENTENCE,
    "error: text": {"error": SENTENCE},
    "error: title": {"error": "Bad Request", "message": SENTENCE},
    "error: object": {"error": {"message": SENTENCE, "type": "invalid_request_error"}},
    "error within an error": {"error": {"error": {"message": SENTENCE}}},
    "detail: text": {"detail": SENTENCE},
    "detail: object": {"detail": {"message": SENTENCE, "code": "size"}},
    "detail: error": {"detail": {"error": SENTENCE}},
    "message": {"success": False, "message": SENTENCE},
    "errors: texts": {"errors": [SENTENCE]},
    "errors: objects": {"errors": [{"message": SENTENCE, "code": 1009}]},
    "a list of errors": [{"error": {"code": 400, "message": SENTENCE, "status": "INVALID"}}],
    "problem details": {"type": "about:blank", "title": "Bad Request", "detail": SENTENCE},
    "a title": {"title": SENTENCE},
    "a status within": {"base_resp": {"status_code": 1026, "status_msg": SENTENCE}},
    "of no field": {"non_field_errors": [SENTENCE]},
    "a description": {"error": "invalid_request", "error_description": SENTENCE},
    "a page": f"<html><head><style>p {{}}</style></head><body><p>{SENTENCE}</p></body>".encode(),
    "a page with a title": f"<html><title>{SENTENCE}</title><p>Go back.</p></html>".encode(),
    "a byte order mark": b"\xef\xbb\xbf" + json.dumps({"error": SENTENCE}).encode(),
    "UTF-16": json.dumps({"detail": SENTENCE}).encode("utf-16"),
    "a proxy's wrapping": {
        "error": {"message": SENTENCE, "type": "None", "param": "None", "code": "400"}
    },
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_sentence_is_read_in_every_shape(shape: str) -> None:
    assert report(SHAPES[shape]).text == SENTENCE


@pytest.mark.parametrize("provider", REFUSALS)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_adapter_tells_the_sentence_and_keeps_the_answer(provider: str, shape: str) -> None:
    given = response(SHAPES[shape])

    with pytest.raises(ProviderRejected) as caught:
        REFUSALS[provider](given)

    assert str(caught.value) == SENTENCE
    assert caught.value.provider
    assert caught.value.provider.name == provider
    assert caught.value.excerpt == given.content.decode("utf-8", "replace")
    assert [each.kind for each in caught.value.next_actions] in ([], ["change_request"])


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        (
            {"error": {"code": "size", "type": "invalid_request_error"}},
            ("size", "invalid_request_error"),
        ),
        ({"error": {"code": 400, "status": "INVALID_ARGUMENT"}}, ("INVALID_ARGUMENT",)),
        ({"error": {"code": "None", "type": None, "param": "None"}}, ()),
        ({"error": "Bad Request", "message": "no"}, ("Bad Request",)),
        ({"title": "Insufficient credit", "detail": "no", "status": 402}, ("Insufficient credit",)),
        ({"detail": "no", "error_type": "bad_request"}, ("bad_request",)),
        ({"code": 40021, "message": "no"}, ("40021",)),
        (
            {"error": {"code": "contentFilter", "inner_error": {"code": "ResponsibleAI"}}},
            ("contentFilter", "ResponsibleAI"),
        ),
    ],
    ids=str,
)
def test_codes_are_reported_and_absent_codes_are_null(body: Any, codes: tuple[str, ...]) -> None:
    assert report(body).codes == codes


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (
            {"detail": [{"loc": ["body", "size"], "msg": "too large", "type": "value_error"}]},
            [("/arguments/size", "too large")],
        ),
        (
            {"detail": [{"loc": ["body", "prompt"], "msg": "empty"}, {"loc": None, "msg": "no"}]},
            [("/prompt", "empty"), ("/arguments", "no")],
        ),
        ({"error": {"message": "no", "param": "quality"}}, [("/arguments/quality", "no")]),
        ({"error": {"message": "no", "param": "None"}}, []),
        ({"error": {"message": "no", "param": None}}, []),
        (
            {"invalid_fields": [{"field": "input.prompt", "description": "required"}]},
            [("/prompt", "required")],
        ),
        (
            {"invalid-params": [{"name": "n", "reason": "at most 4"}]},
            [("/arguments/n", "at most 4")],
        ),
        (
            {"prompt": ["is blank"], "size": ["too large", "odd"]},
            [("/prompt", "is blank"), ("/arguments/size", "too large"), ("/arguments/size", "odd")],
        ),
        ({"errors": {"prompt": ["is blank"]}}, [("/prompt", "is blank")]),
        (
            {"errors": [{"pointer": "#/size/width", "detail": "even"}]},
            [("/arguments/size/width", "even")],
        ),
        (
            {"error": {"details": [{"fieldViolations": [{"field": "a.b", "description": "no"}]}]}},
            [("/arguments/a/b", "no")],
        ),
    ],
    ids=str,
)
def test_field_errors_point_to_the_callers_fields(body: Any, fields: list[Any]) -> None:
    error_report = report(body)

    assert [(each.pointer, each.detail) for each in error_report.fields] == fields
    assert all(detail in error_report.text for _, detail in fields)


@pytest.mark.parametrize(
    "body",
    [b"", b"\x00\xff\x00", {}, [], None, 7, {"detail": None}, {"detail": []}, {"error": {}}, b"{"],
    ids=str,
)
def test_an_answer_without_words_tells_its_status(body: Any) -> None:
    error_report = report(body, 418)

    assert error_report.text in ("the server answered 418", "{")
    assert error_report.has_text == (error_report.text == "{")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"error_msg": SENTENCE}, f"error_msg: {SENTENCE}"),
        ({"fault": {"faultstring": SENTENCE}}, f"fault.faultstring: {SENTENCE}"),
        ({"Message": SENTENCE, "request_id": "r1"}, f"Message: {SENTENCE}"),
        (
            {"result": [{"why": SENTENCE}, {"why": "late"}]},
            f"result.why: {SENTENCE}; result.why: late",
        ),
        ({"error": {"message": {"en": SENTENCE}}}, f"error.message.en: {SENTENCE}"),
    ],
    ids=str,
)
def test_an_error_of_unknown_shape_lists_every_text_with_its_name(body: Any, text: str) -> None:
    assert report(body).text == text


def test_an_error_of_unknown_shape_lists_its_first_texts() -> None:
    error_report = report({f"a{number}": "no" for number in range(10_000)})

    assert error_report.text == "; ".join(f"a{number}: no" for number in range(8))


def test_an_error_without_end_is_read_in_bounds() -> None:
    deep: Any = "no"
    for _ in range(500):
        deep = {"error": deep}

    assert report(deep).text == "the server answered 400"
    assert len(report({"errors": [{"loc": ["a"], "msg": "m"}] * 9_000}).fields) <= 1_000


# -- content filters


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"error": {"code": "content_filter", "message": "It was filtered."}}),
        (400, {"error": {"code": "contentFilter", "inner_error": {"code": "x"}}}),
        (400, {"error": {"code": "x", "innererror": {"code": "ResponsibleAIPolicyViolation"}}}),
        (400, {"error": {"code": "moderation_blocked", "message": "no"}}),
        (400, {"error": {"code": "content_policy_violation", "message": "no"}}),
        (400, {"code": "DataInspectionFailed", "message": "Input data may be inappropriate."}),
        (400, {"error": {"code": "InputTextSensitiveContentDetected", "message": "no"}}),
        (400, {"error": {"code": "400", "message": "ContentPolicyViolationError: no"}}),
        (422, {"detail": [{"loc": ["body"], "msg": "no", "type": "content_policy_violation"}]}),
        (403, {"error": {"code": 403, "message": 'Your input was flagged for "violence"'}}),
        (400, {"error": "Your request was rejected as a result of our safety system."}),
    ],
    ids=str,
)
def test_content_filters_of_compatible_servers_are_content_policy(status: int, body: Any) -> None:
    end = openai_refuses(response(body, status))

    assert (end.error.code, end.charged) == ("content_policy", "unknown")
    assert [each.kind for each in end.error.next_actions] == ["change_request"]
    assert end.excerpt


@pytest.mark.parametrize("provider", ["fal", "replicate", "gemini"])
def test_a_content_filter_of_any_provider_is_content_policy(provider: str) -> None:
    with pytest.raises(JobError) as caught:
        REFUSALS[provider](response({"error": {"code": "content_filter", "message": "no"}}))

    assert caught.value.code == "content_policy"


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, {"error": "moderation_blocked"}, ProviderAuth),
        (403, {"detail": "no such project"}, ProviderAuth),
        (400, {"error": {"message": "no", "code": "invalid_size"}}, ProviderRejected),
        (400, {"error": {"message": "no", "type": "insufficient_quota"}}, ProviderBalance),
        (402, "Payment Required", ProviderBalance),
        (429, {"error": "slow down"}, RateLimited),
        (500, {"error": "CUDA out of memory"}, AmbiguousSubmit),
    ],
    ids=str,
)
def test_other_errors_are_not_taken_for_content_filters(
    status: int, body: Any, error: type[Exception]
) -> None:
    with pytest.raises(error) as caught:
        openai_refuses(response(body, status))

    assert type(caught.value) is error


# -- errors in responses that claim to be good


@pytest.mark.parametrize(
    ("body", "text", "is_error"),
    [
        ({"error": {"message": "at most 77 tokens", "code": "long"}}, "at most 77 tokens", True),
        ({"error": "out of memory", "data": []}, "out of memory", True),
        ({"detail": [{"loc": ["body", "n"], "msg": "no"}]}, "/arguments/n: no", True),
        ({"code": 503, "message": "overloaded"}, "overloaded", True),
        ({"message": "done", "images": []}, "done", False),
        ({"error": None, "data": []}, None, None),
        ({"error": "", "errors": []}, None, None),
        ([], None, None),
    ],
    ids=str,
)
def test_an_error_in_a_good_answer_is_found(body: Any, text: str | None, is_error: bool) -> None:
    error_report = error_within(body)

    assert (error_report and error_report.text) == text
    assert (error_report and error_report.is_error) == is_error


def test_an_error_of_gemini_that_claims_to_be_good_may_be_charged() -> None:
    end = gemini_refuses(response({"error": {"code": 503, "message": "overloaded"}}, 200))

    assert isinstance(end, RequestStopped)
    assert (end.error.code, end.charged, str(end.error)) == (
        "provider_unavailable",
        "unknown",
        "overloaded",
    )


def test_a_text_result_of_fal_is_reported() -> None:
    verdict = fal_verdict(response(b"the model is gone", 422), "some-id")

    assert str(verdict.error) == "the model is gone"
    assert verdict.error.provider
    assert verdict.error.provider.request_id == "some-id"


def test_the_request_id_is_reported() -> None:
    given = response({"error": "no"}, headers={"X-Request-Id": "req_1"})

    with pytest.raises(ProviderRejected) as caught:
        openai_refuses(given)

    assert caught.value.provider
    assert caught.value.provider.request_id == "req_1"


def test_credentials_that_a_server_repeats_are_cut() -> None:
    given = response({"error": "no such key: sk-0123456789"})
    given.request = httpx.Request(
        "POST", "https://x", headers={"Authorization": "Bearer sk-0123456789"}
    )

    with pytest.raises(ProviderRejected) as caught:
        openai_refuses(given)

    assert str(caught.value) == "no such key: [credentials]"
    assert "sk-0123456789" not in (caught.value.excerpt or "")
