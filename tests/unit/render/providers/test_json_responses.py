"""A response that is not valid JSON is read all the same, if that loses no output."""

from collections.abc import Callable

import httpx
import pytest

from services.render.providers import Request
from services.render.providers.fal.outputs import outcome
from services.render.providers.replicate.predictions import state_of
from services.render.providers.request_states import RequestSucceeded, State
from services.render.providers.response_content import json_or_none

ONE = "https://there.example/1.png"
REQUEST = Request(request_id="request-1", endpoint="there/picture", job="job_1")
READERS: dict[str, tuple[str, Callable[[httpx.Response, Request, str], State]]] = {
    "fal": ('"seed": 7, "images"', outcome),
    "replicate": ('"status": "succeeded", "output"', state_of),
}


def _response(text: str) -> httpx.Response:
    return httpx.Response(200, content=text.encode())


@pytest.mark.parametrize("provider", READERS)
@pytest.mark.parametrize(
    "beside", ['"timings": {"inference": NaN}', '"score": Infinity', '"scores": [-Infinity, 1]']
)
def test_a_number_that_python_writes_takes_no_output_away(provider: str, beside: str) -> None:
    names, read = READERS[provider]

    end = read(_response(f'{{{names}: ["{ONE}"], {beside}}}'), REQUEST, "https://there.example/")

    assert isinstance(end, RequestSucceeded)
    assert [each.url for each in end.outputs] == [ONE]


@pytest.mark.parametrize("text", ["", "{", '{"a": nan}', "<html></html>", "[" * 100_000])
def test_a_response_that_is_not_json_is_none(text: str) -> None:
    assert json_or_none(_response(text)) is None
