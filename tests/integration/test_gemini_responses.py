"""What Gemini answers beside pictures: sketches are no outputs, and its words reach the caller."""

import json
from typing import Any

import pytest

from services.render.providers.request_states import RequestStopped, RequestSucceeded
from tests.support.emulation.inline_rigs import GeminiRig, a_submission
from tests.support.emulation.responses import picture_of

WORDS = "I cannot draw a living person. Try a fictional keeper instead."


def drawn(number: int, **beside: Any) -> dict[str, Any]:
    return {"inlineData": {"mimeType": "image/png", "data": f"<base64 {number}>"}, **beside}


def text_part(text: str, **beside: Any) -> dict[str, Any]:
    return {"text": text, **beside}


@pytest.fixture
def gemini(gemini_rig: GeminiRig) -> GeminiRig:
    return gemini_rig


async def response_to(
    gemini: GeminiRig, parts: list[dict[str, Any]], *, finish: str = "STOP", model: str = ""
) -> RequestSucceeded | RequestStopped:
    submission = a_submission(model or gemini.model)
    gemini.account.plan(submission.arguments["prompt"], parts=parts, finish=finish)
    return await gemini.provider.submit(submission)


def contents(end: RequestSucceeded | RequestStopped) -> list[bytes]:
    assert isinstance(end, RequestSucceeded)
    return [end.contents[each.inline or ""] for each in end.outputs]


def audit(end: RequestSucceeded | RequestStopped) -> dict[str, Any]:
    excerpt: dict[str, Any] = json.loads(end.excerpt or "")
    return excerpt


@pytest.mark.parametrize(
    ("parts", "outputs"),
    [
        ([drawn(0, thought=True), drawn(1, thought=True), drawn(2, thoughtSignature="c2ln")], [2]),
        ([drawn(0), drawn(1, thought=True)], [0]),
        (
            [text_part("First a sketch", thought=True), drawn(0, thought=True), drawn(1), drawn(2)],
            [1, 2],
        ),
        ([drawn(0, thought=False)], [0]),
    ],
    ids=str,
)
async def test_a_sketch_beside_a_picture_is_not_an_output(
    gemini: GeminiRig, parts: list[dict[str, Any]], outputs: list[int]
) -> None:
    end = await response_to(gemini, parts)

    assert contents(end) == [picture_of(str(number)) for number in outputs]
    assert [each.index for each in getattr(end, "outputs", [])] == [None] * len(outputs)
    assert audit(end)["pictures"] == len([part for part in parts if "inlineData" in part])


@pytest.mark.parametrize("form", ["data", "lines", "urlsafe"])
async def test_a_picture_is_read_in_whatever_form_of_base64_it_comes(
    gemini: GeminiRig, form: str
) -> None:
    parts = [{"inlineData": {"mimeType": "image/png", "data": f"<{form} {n}>"}} for n in (0, 1)]

    end = await response_to(gemini, parts)

    assert contents(end) == [picture_of("0"), picture_of("1")]


async def test_the_last_sketch_is_the_output_where_no_picture_came(gemini: GeminiRig) -> None:
    end = await response_to(gemini, [drawn(0, thought=True), drawn(1, thought=True)])

    assert contents(end) == [picture_of("1")]


async def test_a_sketch_of_a_refused_picture_is_not_an_output(gemini: GeminiRig) -> None:
    end = await response_to(gemini, [drawn(0, thought=True)], finish="IMAGE_SAFETY")

    assert isinstance(end, RequestStopped)
    assert (end.error.code, end.charged) == ("content_policy", "yes")


async def test_a_picture_of_what_was_refused_is_flagged(gemini: GeminiRig) -> None:
    end = await response_to(gemini, [drawn(0)], finish="IMAGE_SAFETY")

    assert isinstance(end, RequestSucceeded)
    assert [each.flagged for each in end.outputs] == [True]


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ([text_part(WORDS)], WORDS),
        ([text_part("Thinking.", thought=True), text_part(f" {WORDS}\n")], WORDS),
        ([text_part("I cannot draw that."), text_part("Sorry.")], "I cannot draw that. Sorry."),
        ([text_part("Nobody can draw that", thought=True)], "Nobody can draw that"),
    ],
    ids=str,
)
async def test_text_instead_of_a_picture_is_reported_with_the_advice_to_change_the_prompt(
    gemini: GeminiRig, parts: list[dict[str, Any]], words: str
) -> None:
    end = await response_to(gemini, parts)

    assert isinstance(end, RequestStopped)
    assert (end.error.code, end.charged) == ("no_output", "yes")
    assert str(end.error) == f"Gemini said STOP: {words}"
    assert [each.kind for each in end.error.next_actions] == ["change_request"]
    assert audit(end)["words"] == words


async def test_words_beside_a_picture_are_in_the_audit(gemini: GeminiRig) -> None:
    end = await response_to(gemini, [text_part("Here it is:"), drawn(0), text_part("Enjoy.")])

    assert audit(end)["words"] == "Here it is: Enjoy."
    assert "iVBOR" not in (end.excerpt or "")


async def test_long_words_leave_the_audit_readable(gemini: GeminiRig) -> None:
    end = await response_to(
        gemini, [text_part("no " * 5_000), text_part("why " * 5_000, thought=True)]
    )

    assert audit(end)["finish_reason"] == "STOP"
    assert len(end.excerpt or "") <= 4096


async def test_a_story_is_not_in_its_own_audit(gemini: GeminiRig) -> None:
    parts = [text_part("I plan it", thought=True), text_part('{"title": "Dusk"}')]

    end = await response_to(gemini, parts, model=gemini.text)

    assert contents(end) == [b'{"title": "Dusk"}']
    assert (audit(end)["words"], audit(end)["thoughts"]) == (None, "I plan it")
