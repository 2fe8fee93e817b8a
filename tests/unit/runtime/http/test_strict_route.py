"""Parameters are read strictly: names that are not of the grammar do not exist, and none is ignored."""

import threading
from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import FastAPI, Header, Query
from pydantic import BaseModel

from heliograph.contracts.ids import ProjectName
from heliograph.runtime.http.access import CurrentPrincipal
from heliograph.runtime.http.app import create_web
from heliograph.runtime.http.bodies import MAX_BODY
from heliograph.runtime.http.strict_route import MAX_BYTES, create_router
from heliograph.runtime.settings import ServiceSettings
from services.gateway.jobs.filters import JobsQuery


class Boat(BaseModel, extra="forbid"):
    name: str


class Change(BaseModel, extra="forbid"):
    """Takes an empty object."""

    name: str = "Argo"


@pytest.fixture
def app() -> FastAPI:
    router = create_router("boats")

    @router.get("/boats/{project}", response_model=JobsQuery)
    async def find_boats(project: ProjectName, query: Annotated[JobsQuery, Query()]) -> JobsQuery:
        return query

    @router.post("/boats/{project}")
    async def create_boat(
        project: ProjectName,
        body: Boat,
        key: Annotated[str | None, Header(alias="Idempotency-Key", pattern="^[a-z]+$")] = None,
    ) -> Boat:
        return body

    @router.patch("/boats/{project}")
    async def change_boat(project: ProjectName, body: Change) -> Change:
        return body

    @router.get("/sailors/me")
    async def get_sailor(principal: CurrentPrincipal) -> str:
        return principal.id or "anybody"

    app = create_web(ServiceSettings(), "test")
    app.include_router(router)
    return app


@pytest.fixture
async def web(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
        yield client


def pointers(response: httpx.Response) -> list[str]:
    problem = response.json()
    assert (response.status_code, problem["code"]) == (422, "validation_failed")
    return [each["pointer"] for each in problem["errors"]]


async def test_a_query_is_read_into_its_model(web: httpx.AsyncClient) -> None:
    response = await web.get("/v1/boats/demo?status=failed&limit=7&tag.show=s1&tag.a_b=%C3%A9")

    assert JobsQuery.model_validate(response.json()) == JobsQuery(
        status=["failed"], limit=7, tag={"show": "s1", "a_b": "é"}
    )


async def test_no_query_is_the_default(web: httpx.AsyncClient) -> None:
    assert JobsQuery.model_validate((await web.get("/v1/boats/demo")).json()) == JobsQuery()


@pytest.mark.parametrize(
    ("query", "name", "detail"),
    [
        ("colour=red", "colour", "Extra inputs are not permitted"),
        ("limit=0", "limit", "Input should be greater than or equal to 1"),
        ("limit=201", "limit", "Input should be less than or equal to 200"),
        ("limit=many", "limit", None),
        ("limit=", "limit", None),
        ("limit=1&limit=1", "limit", "given more than once"),
        ("tag.a=1&tag.a=2", "tag.a", "given more than once"),
        ("tag.a=1&tag=2", "tag", "it is written tag.<name>=<value>"),
        ("tag=2", "tag", "it is written tag.<name>=<value>"),
        ("param=x&param.show=s1", "param", "it is written param.<name>=<value>"),
        ("tag.=x", "tag.", "it is written tag.<name>=<value>"),
        ("tag.a b=x", "tag.a b", None),
        ("tag.show=%00", "tag.show", "NUL and lone surrogates are not text"),
        ("a/b=1", "a~1b", "Extra inputs are not permitted"),
        ("status=%00", "status", "NUL and lone surrogates are not text"),
        ("Status=failed", "Status", "Extra inputs are not permitted"),
        ("color.a=1", "color.a", "Extra inputs are not permitted"),
    ],
)
async def test_a_parameter_that_is_unknown_or_wrong_is_named(
    web: httpx.AsyncClient, query: str, name: str, detail: str | None
) -> None:
    refused = await web.get(f"/v1/boats/demo?{query}")

    assert pointers(refused) == [f"/query/{name}"]
    [error] = refused.json()["errors"]
    assert error["detail"] == detail or detail is None
    assert refused.json()["detail"] == f"{error['pointer']}: {error['detail']}"


async def test_a_resource_without_a_query_takes_none(web: httpx.AsyncClient) -> None:
    refused = await web.post("/v1/boats/demo?a=1&b=2", json={"name": "Argo"})

    assert pointers(refused) == ["/query/a", "/query/b"]


@pytest.mark.parametrize("name", ["demo%0A", "no%20spaces", "x" * 65, "%00"])
async def test_a_name_outside_the_grammar_does_not_exist(web: httpx.AsyncClient, name: str) -> None:
    refused = await web.post(f"/v1/boats/{name}", json={"name": "Argo"})

    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "media_type", ["application/json", "text/plain", "application/x-www-form-urlencoded", None]
)
async def test_a_body_is_json_whatever_it_is_called(
    web: httpx.AsyncClient, media_type: str | None
) -> None:
    headers = {"content-type": media_type} if media_type else {}

    response = await web.post("/v1/boats/demo", content=b'{"name":"Argo"}', headers=headers)

    assert response.json() == {"name": "Argo"}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "malformed_request"),
        (b"true", "validation_failed"),
        (b"[]", "validation_failed"),
        (b'{"name":1}', "validation_failed"),
        (b"{", "malformed_request"),
    ],
)
async def test_a_body_whose_fields_may_all_be_left_out_is_still_an_object(
    web: httpx.AsyncClient, content: bytes, code: str
) -> None:
    refused = await web.patch("/v1/boats/demo", content=content)

    assert refused.json()["code"] == code
    assert (await web.patch("/v1/boats/demo", content=b"{}")).json() == {"name": "Argo"}


#: a mistake in each part of a request, in the order in which they are told
MISTAKES: list[tuple[dict[str, Any], int, str]] = [
    ({"params": {"a": "1"}}, 422, "validation_failed"),
    ({"project": "no spaces"}, 404, "not_found"),
    ({"headers": {"idempotency-key": "7"}}, 400, "idempotency_key_invalid"),
    ({"content": b"{"}, 400, "malformed_request"),
]


@pytest.mark.parametrize("first", range(len(MISTAKES)))
async def test_of_several_mistakes_those_of_the_first_part_of_a_request_are_reported(
    web: httpx.AsyncClient, first: int
) -> None:
    request: dict[str, Any] = {"project": "demo", "content": b'{"name":"Argo"}'}
    for mistake, _, _ in MISTAKES[first:]:
        request |= mistake

    refused = await web.post(f"/v1/boats/{request.pop('project')}", **request)

    assert (refused.status_code, refused.json()["code"]) == MISTAKES[first][1:]


async def test_a_method_that_is_not_allowed_names_those_of_every_route(
    web: httpx.AsyncClient,
) -> None:
    refused = await web.delete("/v1/boats/demo")

    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, PATCH, POST")


def test_the_document_says_how_large_a_body_may_be(app: FastAPI) -> None:
    body = app.openapi()["paths"]["/v1/boats/{project}"]["post"]["requestBody"]

    assert (body[MAX_BYTES], body["required"]) == (MAX_BODY, True)


def test_the_document_shows_every_problem_of_a_route(app: FastAPI) -> None:
    document = app.openapi()

    for operation in document["paths"]["/v1/boats/{project}"].values():
        [refused] = operation["responses"]["422"]["content"].items()
        assert refused[0] == "application/problem+json"
        assert refused[1]["schema"] == {"$ref": "#/components/schemas/Problem"}
        assert list(refused[1]["examples"]) == ["validation_failed"]
    example = document["components"]["examples"]["validation_failed"]["value"]
    assert (example["status"], example["code"]) == (422, "validation_failed")


async def test_no_thread_is_needed_to_tell_who_makes_a_request(web: httpx.AsyncClient) -> None:
    before = set(threading.enumerate())

    assert (await web.get("/v1/sailors/me")).is_success

    assert set(threading.enumerate()) <= before
