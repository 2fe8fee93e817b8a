"""A body is read with care, and every mistake in it is answered with where it is."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import Request
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from heliograph.contracts.errors import (
    HeliographError,
    MalformedRequest,
    RequestError,
    ValidationFailed,
)
from heliograph.contracts.requests import JobRequest
from heliograph.runtime.http.app import create_web
from heliograph.runtime.http.bodies import MAX_BODY, read_body, validate_body
from heliograph.runtime.http.strict_route import create_router
from heliograph.runtime.http.validation import MAX_DEPTH
from heliograph.runtime.settings import ServiceSettings

thorough = settings(max_examples=100, deadline=None)
words = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=4)


class Anything(BaseModel, extra="allow"):
    """A shape that takes every object."""


class Boat(BaseModel, extra="forbid"):
    name: str
    crew: list[str] = []


def refused(body: bytes, shape: type[BaseModel] = Anything) -> RequestError:
    """Why a body is refused."""
    with pytest.raises(RequestError) as error:
        validate_body(body, shape)
    return error.value


def pointers(error: HeliographError) -> list[str]:
    return [each.pointer for each in error.errors]


@pytest.mark.parametrize("body", [b"", b" \r\n\t", b"{", b"{'a': 1}", b"{}{}", b"\xff\xfe{}"])
def test_a_body_that_is_not_json_is_malformed(body: bytes) -> None:
    assert isinstance(refused(body), MalformedRequest)


@pytest.mark.parametrize("body", [b"\xef\xbb\xbf{}", '{"a":"ü"}'.encode("latin-1")])
def test_a_body_is_utf_8_without_a_mark(body: bytes) -> None:
    assert isinstance(refused(body), MalformedRequest)


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity"])
def test_what_json_has_no_word_for_is_malformed(number: bytes) -> None:
    assert isinstance(refused(b'{"a":' + number + b"}"), MalformedRequest)


@pytest.mark.parametrize("body", [b"[]", b"null", b'"text"', b"5", b"true"])
def test_a_body_that_is_not_an_object_fails_as_a_whole(body: bytes) -> None:
    error = refused(body)

    assert isinstance(error, ValidationFailed)
    assert pointers(error) == [""]


def test_a_number_too_large_to_keep_is_named() -> None:
    assert pointers(refused(b'{"a":[1,1e999]}')) == ["/a/1"]


def nested(levels: int) -> bytes:
    """An object in an object, and so on, with a number in the innermost one."""
    return b'{"a":' * levels + b"1" + b"}" * levels


def test_a_body_may_be_64_levels_deep() -> None:
    assert validate_body(nested(MAX_DEPTH), Anything)


@pytest.mark.parametrize("levels", [MAX_DEPTH + 1, 900, 100_000])
def test_a_deeper_body_fails_as_a_whole(levels: int) -> None:
    error = refused(nested(levels))

    assert isinstance(error, ValidationFailed)
    assert pointers(error) == [""]
    assert "64 levels" in str(error)


def test_depth_counts_in_lists_too() -> None:
    body = b'{"a":' + b"[" * MAX_DEPTH + b"1" + b"]" * MAX_DEPTH + b"}"

    assert pointers(refused(body)) == [""]


@pytest.mark.parametrize("text", ["\\u0000", "\\ud800", "a\\udfffb", "\\udc00\\ud800"])
def test_an_unsendable_text_is_named(text: str) -> None:
    body = f'{{"a":{{"b":["fine","{text}"]}}}}'.encode()

    assert pointers(refused(body)) == ["/a/b/1"]


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert validate_body(b'{"name":"\\ud83d\\uddfc"}', Boat).name == "🗼"


def test_a_member_with_an_invalid_name_is_reported_at_its_parent() -> None:
    assert pointers(refused(b'{"a":{"\\u0000":1}}')) == ["/a"]


@pytest.mark.parametrize(
    ("name", "pointer"),
    [("a/b", "/a~1b"), ("a~b", "/a~0b"), ("~1", "/~01"), ("", "/"), ("é", "/é"), ("0", "/0")],
)
def test_a_pointer_escapes_what_pointers_are_made_of(name: str, pointer: str) -> None:
    assert pointers(refused(json.dumps({name: "\0"}).encode())) == [pointer]
    assert pointers(refused(json.dumps({"name": "x", name: 1}).encode(), Boat)) == [pointer]


def follow(document: Any, pointer: str) -> Any:
    """RFC 6901: what a pointer leads to."""
    for token in pointer.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        document = document[int(name)] if isinstance(document, list) else document[name]
    return document


@thorough
@given(
    path=st.lists(words | st.integers(0, 3), max_size=6),
    beside=st.dictionaries(words, st.integers(), max_size=2),
)
def test_a_pointer_leads_to_the_mistake(path: list[str | int], beside: dict[str, int]) -> None:
    document: Any = "\0"
    for part in reversed(["root", *path]):
        document = [1] * part + [document] if isinstance(part, int) else {**beside, part: document}

    [pointer] = pointers(refused(json.dumps(document).encode()))

    assert follow(document, pointer) == "\0"


def test_every_field_that_is_wrong_is_named() -> None:
    error = refused(b'{"name":1,"crew":["a",2],"sails":3}', Boat)

    assert isinstance(error, ValidationFailed)
    assert pointers(error) == ["/name", "/crew/1", "/sails"]
    assert str(error).startswith("/name: Input should be a valid string; /crew/1: ")


def test_a_missing_field_is_named() -> None:
    assert pointers(refused(b"{}", Boat)) == ["/name"]


def test_the_name_of_a_label_is_named_as_the_label() -> None:
    body = b'{"kind":"image","prompt":"x","tags":{"a b/c":"d"}}'

    assert pointers(refused(body, JobRequest)) == ["/tags/a b~1c"]


@pytest.mark.parametrize("name", ["body", "bodyguard"])
def test_a_field_may_be_called_anything(name: str) -> None:
    error = refused(json.dumps({"name": "x", name: 1}).encode(), Boat)

    assert pointers(error) == [f"/{name}"]


# -- on their way


@pytest.fixture
async def web() -> AsyncIterator[httpx.AsyncClient]:
    """An application that takes boats."""
    router = create_router("boats", prefix="")

    @router.post("/boats")
    async def create_boat(body: Boat) -> Boat:
        return body

    app = create_web(ServiceSettings(), "test")
    app.include_router(router)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
        yield client


async def test_a_good_body_is_read(web: httpx.AsyncClient) -> None:
    assert (await web.post("/boats", content=b'{"name":"Argo"}')).json()["name"] == "Argo"


async def test_every_field_of_a_body_that_is_wrong_is_named(web: httpx.AsyncClient) -> None:
    refused = await web.post("/boats", content=b'{"crew":[1],"sails":3}')

    assert refused.status_code == 422
    assert [each["pointer"] for each in refused.json()["errors"]] == ["/name", "/crew/0", "/sails"]


async def test_a_body_of_a_mebibyte_is_read(web: httpx.AsyncClient) -> None:
    body = b'{"name":"Argo"}'.ljust(MAX_BODY)

    assert (await web.post("/boats", content=body)).status_code == 200


async def test_a_body_that_breaks_off_is_refused() -> None:
    """Its sender hung up, which is no bug of ours."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    request = Request({"type": "http", "method": "POST", "headers": []}, receive)

    with pytest.raises(MalformedRequest):
        await read_body(request, Boat)


async def test_a_larger_body_is_refused_by_what_it_announces(web: httpx.AsyncClient) -> None:
    response = await web.post("/boats", content=b"", headers={"content-length": f"{MAX_BODY + 1}"})

    assert response.status_code == 413
    assert response.json()["code"] == "body_too_large"


async def test_a_larger_body_is_refused_when_it_announces_nothing(web: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(MAX_BODY // 65_536 + 2):
            yield b" " * 65_536

    assert (await web.post("/boats", content=endless())).status_code == 413


async def test_a_body_that_never_arrives_is_not_waited_for(
    web: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heliograph.runtime.http.bodies.BODY_TIMEOUT", 0.01)

    async def never() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    response = await web.post("/boats", content=never())

    assert response.json()["code"] == "malformed_request"
