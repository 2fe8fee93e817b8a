"""What our HTTP reads is checked with care, and every mistake is answered with where it is."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from heliograph.contracts.errors import (
    HeliographError,
    MalformedRequest,
    NotFound,
    RequestError,
    SlotBusy,
    Unavailable,
    ValidationFailed,
)
from heliograph.contracts.names import PROJECT_PATTERN
from heliograph.contracts.problems import Problem
from heliograph.contracts.requests import JobRequest
from heliograph.runtime.settings import ServiceSettings
from heliograph.runtime.web import (
    MAX_BODY,
    MAX_DEPTH,
    check,
    create_web,
    named,
    no_query,
    read_body,
    read_query,
)

thorough = settings(max_examples=100, deadline=None)
words = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=4)


class Anything(BaseModel, extra="allow"):
    """A shape that takes every object."""


class Boat(BaseModel, extra="forbid"):
    name: str
    crew: list[str] = []


class Filter(BaseModel, extra="forbid"):
    status: str | None = None
    limit: int = Field(default=50, ge=1, le=200)
    tag: dict[str, str] = {}


def refused(body: bytes, shape: type[BaseModel] = Anything) -> RequestError:
    """Why a body is refused."""
    with pytest.raises(RequestError) as error:
        check(body, shape)
    return error.value


def pointers(error: HeliographError) -> list[str]:
    return [each.pointer for each in error.errors]


# -- bodies


@pytest.mark.parametrize("body", [b"", b" \r\n\t", b"{", b"{'a': 1}", b"{}{}", b"\xff\xfe{}"])
def test_what_is_no_json_is_malformed(body: bytes) -> None:
    assert isinstance(refused(body), MalformedRequest)


@pytest.mark.parametrize("body", [b"\xef\xbb\xbf{}", '{"a":"ü"}'.encode("latin-1")])
def test_a_body_is_utf_8_without_a_mark(body: bytes) -> None:
    assert isinstance(refused(body), MalformedRequest)


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity"])
def test_what_json_has_no_word_for_is_malformed(number: bytes) -> None:
    assert isinstance(refused(b'{"a":' + number + b"}"), MalformedRequest)


@pytest.mark.parametrize("body", [b"[]", b"null", b'"text"', b"5", b"true"])
def test_a_body_that_is_no_object_fails_as_a_whole(body: bytes) -> None:
    error = refused(body)

    assert isinstance(error, ValidationFailed)
    assert pointers(error) == [""]


def test_a_number_too_large_to_keep_is_named() -> None:
    assert pointers(refused(b'{"a":[1,1e999]}')) == ["/a/1"]


def nested(levels: int) -> bytes:
    """An object in an object, and so on, with a number in the innermost one."""
    return b'{"a":' * levels + b"1" + b"}" * levels


def test_a_body_may_be_64_levels_deep() -> None:
    assert check(nested(MAX_DEPTH), Anything)


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
def test_what_is_no_text_is_named(text: str) -> None:
    body = f'{{"a":{{"b":["fine","{text}"]}}}}'.encode()

    assert pointers(refused(body)) == ["/a/b/1"]


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert check(b'{"name":"\\ud83d\\uddfc"}', Boat).name == "🗼"


def test_a_member_whose_name_is_no_text_is_named_by_what_it_is_in() -> None:
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


@pytest.mark.xfail(strict=True, reason="a pointer that begins with /body loses its beginning")
@pytest.mark.parametrize("name", ["body", "bodyguard"])
def test_a_field_may_be_called_anything(name: str) -> None:
    error = refused(json.dumps({"name": "x", name: 1}).encode(), Boat)

    assert pointers(error) == [f"/{name}"]


# -- queries


def asked(query: str) -> Request:
    return Request({"type": "http", "query_string": query.encode(), "headers": []})


def refused_query(query: str) -> list[str]:
    """Where a query is wrong."""
    with pytest.raises(ValidationFailed) as error:
        read_query(asked(query), Filter, prefixes=("tag",))
    return pointers(error.value)


def test_a_query_is_read_into_its_shape() -> None:
    found = read_query(
        asked("status=failed&limit=7&tag.show=s1&tag.a.b=%C3%A9"), Filter, prefixes=("tag",)
    )

    assert found == Filter(status="failed", limit=7, tag={"show": "s1", "a.b": "é"})


def test_no_query_is_the_default() -> None:
    assert read_query(asked(""), Filter) == Filter()


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("colour=red", "colour"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=many", "limit"),
        ("limit=", "limit"),
        ("limit=1&limit=1", "limit"),
        ("tag.a=1&tag.a=2", "tag.a"),
        ("tag.a=1&tag=2", "tag"),
        ("tag=2", "tag"),
        ("status=%00", "status"),
        ("Status=failed", "Status"),
        ("color.a=1", "color.a"),
    ],
)
def test_a_parameter_that_is_unknown_or_wrong_is_named(query: str, name: str) -> None:
    assert refused_query(query) == [f"/query/{name}"]


@pytest.mark.xfail(strict=True, raises=TypeError, reason="the filter lands in the text before it")
def test_a_prefix_alone_and_then_with_a_name_is_refused() -> None:
    assert refused_query("tag=x&tag.show=s1") == ["/query/tag"]


@pytest.mark.xfail(strict=True, reason="the pointer is made of the parsed query, not of its names")
def test_a_filter_that_is_no_text_is_named_as_it_was_written() -> None:
    assert refused_query("tag.show=%00") == ["/query/tag.show"]


@pytest.mark.xfail(strict=True, reason="a filter for nothing is taken as one")
def test_a_prefix_without_a_name_is_refused() -> None:
    assert refused_query("tag.=x") == ["/query/tag."]


def test_a_resource_without_a_query_takes_none() -> None:
    with pytest.raises(ValidationFailed):
        no_query(asked("a=1"))


# -- names


def test_a_name_outside_the_grammar_does_not_exist() -> None:
    project_name = named(PROJECT_PATTERN)

    assert project_name("demo") == "demo"
    with pytest.raises(NotFound):
        project_name("demo\n")


# -- answers


@pytest.fixture
async def web() -> AsyncIterator[httpx.AsyncClient]:
    """An application with our manners, and one route for each thing that can go wrong."""
    app = create_web(ServiceSettings(allowed_origins=["https://app.example"]), "test")
    add_routes(app)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


def add_routes(app: FastAPI) -> None:
    @app.post("/boats")
    async def create_boat(request: Request) -> Boat:
        return await read_body(request, Boat)

    @app.get("/boats/{number}")
    async def get_boat(number: int) -> int:
        return number

    @app.get("/busy")
    async def busy() -> None:
        raise SlotBusy("alice is there")

    @app.get("/away")
    async def away() -> None:
        raise Unavailable("nobody is there")

    @app.get("/full")
    async def full() -> None:
        raise Unavailable(retry_after=2.2)

    @app.get("/bug")
    async def bug() -> None:
        raise RuntimeError("secret detail")


def problem(response: httpx.Response) -> Problem:
    assert response.headers["content-type"] == "application/problem+json"
    return Problem.model_validate(response.json())


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("DELETE", "/boats", 405, "method_not_allowed"),
        ("POST", "/boats", 400, "malformed_request"),
        ("GET", "/boats/one", 422, "validation_failed"),
        ("GET", "/busy", 409, "slot_busy"),
        ("GET", "/away", 503, "unavailable"),
        ("GET", "/bug", 500, "internal"),
    ],
)
async def test_every_error_is_a_problem(
    web: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    response = await web.request(method, path)

    assert response.status_code == status
    assert (problem(response).status, problem(response).code) == (status, code)
    assert problem(response).instance == path


async def test_a_bug_tells_nothing_about_itself(web: httpx.AsyncClient) -> None:
    response = await web.get("/bug")

    assert "secret" not in response.text


async def test_a_method_that_is_not_allowed_names_those_that_are(web: httpx.AsyncClient) -> None:
    assert (await web.delete("/boats")).headers["allow"] == "POST"


@pytest.mark.parametrize(("path", "seconds"), [("/away", "1"), ("/full", "3")])
async def test_what_may_pass_says_in_how_many_seconds(
    web: httpx.AsyncClient, path: str, seconds: str
) -> None:
    assert (await web.get(path)).headers["retry-after"] == seconds


async def test_a_good_body_is_read(web: httpx.AsyncClient) -> None:
    assert (await web.post("/boats", content=b'{"name":"Argo"}')).json()["name"] == "Argo"


async def test_a_body_of_a_mebibyte_is_read(web: httpx.AsyncClient) -> None:
    body = b'{"name":"Argo"}'.ljust(MAX_BODY)

    assert (await web.post("/boats", content=body)).status_code == 200


async def test_a_larger_body_is_refused_by_what_it_announces(web: httpx.AsyncClient) -> None:
    response = await web.post("/boats", content=b"", headers={"content-length": f"{MAX_BODY + 1}"})

    assert response.status_code == 413
    assert problem(response).code == "body_too_large"


async def test_a_larger_body_is_refused_when_it_announces_nothing(web: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(MAX_BODY // 65_536 + 2):
            yield b" " * 65_536

    assert (await web.post("/boats", content=endless())).status_code == 413


async def test_a_body_that_never_arrives_is_not_waited_for(
    web: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heliograph.runtime.web.BODY_PATIENCE", 0.01)

    async def never() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    response = await web.post("/boats", content=never())

    assert problem(response).code == "malformed_request"


@pytest.mark.parametrize(
    ("origin", "allowed"), [("https://app.example", True), ("https://evil.example", False)]
)
async def test_a_browser_may_come_from_the_allowed_origins(
    web: httpx.AsyncClient, origin: str, allowed: bool
) -> None:
    response = await web.get("/boats/1", headers={"origin": origin})

    assert ("access-control-allow-origin" in response.headers) == allowed
