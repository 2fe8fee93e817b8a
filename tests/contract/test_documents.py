"""Every route is documented: what it is for, what it takes, what it answers, and what can go wrong."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from heliograph.contracts.errors import HeliographError, NotFound, every_error
from services.gateway.app import create_app as create_gateway
from services.gateway.settings import GatewaySettings
from services.status.app import create_app as create_status
from services.status.settings import StatusSettings
from tests.support.documented import DocumentedResponses

PROBLEM_EXAMPLE = NotFound().problem().model_dump(mode="json")
PROBLEM = "application/problem+json"
JSON = "application/json"

Operation = dict[str, Any]


def operations(app: FastAPI) -> Iterator[tuple[str, Operation]]:
    for path, item in app.openapi()["paths"].items():
        for method, operation in item.items():
            yield f"{method} {path}", operation


def undescribed(document: Operation, operation: Operation) -> Iterator[str]:
    """Fields of a JSON body that the document does not describe."""
    content = operation.get("requestBody", {"content": {}})["content"]
    if JSON in content:
        name = content[JSON]["schema"]["$ref"].rpartition("/")[2]
        for field, schema in document["components"]["schemas"][name]["properties"].items():
            if not schema.get("description"):
                yield f"{name}.{field}"


def undocumented(name: str, operation: Operation) -> Iterator[str]:
    """What the document does not say of an operation."""
    for word in ("summary", "tags", "operationId"):
        if not operation.get(word):
            yield f"{name} has no {word}"
    for parameter in operation.get("parameters", []):
        if parameter["in"] != "path" and not parameter.get("description"):
            yield f"{name} does not describe {parameter['name']}"
    body = operation.get("requestBody", {"content": {}})
    for media_type, content in body["content"].items():
        if media_type == JSON and "$ref" not in content["schema"]:
            yield f"{name} has a body without a name"
    yield from _undocumented_responses(name, operation["responses"])


def _undocumented_responses(name: str, responses: Operation) -> Iterator[str]:
    if not any(status < "400" for status in responses):
        yield f"{name} does not say what it answers"
    if not any(status >= "400" for status in responses):
        yield f"{name} has no list of errors"
    for status, response in responses.items():
        if response.get("description") in (None, "", "Successful Response"):
            yield f"{name} does not describe {status}"
        for media_type, content in response.get("content", {}).items():
            if not content.get("schema") and "itemSchema" not in content:
                yield f"{name} has no schema of {status}"
            if media_type == PROBLEM and not content.get("examples"):
                yield f"{name} has no example of {status}"
        if status.startswith("2") and status != "204" and not response.get("content"):
            yield f"{name} has no schema of {status}"


def test_every_route_is_documented(app: FastAPI) -> None:
    lacks = [lack for each in operations(app) for lack in undocumented(*each)]

    assert lacks == []


def test_every_field_of_a_body_is_described(app: FastAPI) -> None:
    document = app.openapi()

    assert [field for _, each in operations(app) for field in undescribed(document, each)] == []


def test_every_operation_has_a_name_of_its_own(app: FastAPI) -> None:
    names = [operation["operationId"] for _, operation in operations(app)]

    assert len(set(names)) == len(names)


def test_every_problem_is_documented_with_its_status(app: FastAPI) -> None:
    document = app.openapi()
    statuses = {error.code: error.status for error in every_error(HeliographError)}

    for name, operation in operations(app):
        for status, response in operation["responses"].items():
            for code in response.get("content", {}).get(PROBLEM, {}).get("examples", {}):
                example = document["components"]["examples"][code]["value"]
                assert (example["code"], statuses[code]) == (code, int(status)), name


def a_response(path: str, status: int, content: Any, media_type: str = JSON) -> httpx.Response:
    return httpx.Response(
        status,
        content=json.dumps(content),
        headers={"content-type": media_type},
        request=httpx.Request("GET", f"http://127.0.0.1{path}"),
    )


async def test_an_answer_as_documented_passes() -> None:
    check = DocumentedResponses("gateway")

    await check(a_response("/v1/jobs/job_1/cancel", 200, {"charged": "no"}))
    await check(a_response("/v1/projects/demo/slots/a/b", 404, PROBLEM_EXAMPLE, PROBLEM))
    await check(a_response("/nowhere", 418, {}))


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (a_response("/v1/jobs/job_1/cancel", 200, {"charged": "perhaps"}), "charged"),
        (a_response("/v1/jobs/job_1/cancel", 200, {}), "'charged' is a required property"),
        (a_response("/v1/jobs/job_1/cancel", 418, {}), "is not documented"),
        (a_response("/v1/jobs/job_1/cancel", 404, {}), "is not"),
        (a_response("/v1/projects/demo/slots/a/b", 200, {}), "is a required property"),
    ],
)
async def test_an_answer_that_is_documented_otherwise_is_found(
    response: httpx.Response, reason: str
) -> None:
    with pytest.raises(AssertionError, match=reason):
        await DocumentedResponses("gateway")(response)


GOOD: Operation = {
    "summary": "s",
    "tags": ["t"],
    "operationId": "o",
    "parameters": [{"name": "limit", "in": "query", "description": "d"}],
    "responses": {
        "200": {"description": "d", "content": {JSON: {"schema": {"type": "object"}}}},
        "404": {
            "description": "d",
            "content": {PROBLEM: {"schema": {"type": "object"}, "examples": {"not_found": {}}}},
        },
    },
}


def test_a_documented_route_lacks_nothing() -> None:
    assert list(undocumented("get /", GOOD)) == []


@pytest.mark.parametrize(
    ("part", "lack"),
    [
        ({"summary": ""}, "get / has no summary"),
        ({"tags": []}, "get / has no tags"),
        ({"parameters": [{"name": "q", "in": "header"}]}, "get / does not describe q"),
        (
            {"responses": {**GOOD["responses"], "200": {"description": "d"}}},
            "get / has no schema of 200",
        ),
        (
            {"responses": {"404": GOOD["responses"]["404"]}},
            "get / does not say what it answers",
        ),
        (
            {"responses": {"200": GOOD["responses"]["200"]}},
            "get / has no list of errors",
        ),
        (
            {"requestBody": {"content": {JSON: {"schema": {"type": "object"}}}}},
            "get / has a body without a name",
        ),
    ],
)
def test_what_a_route_does_not_say_is_found(part: Operation, lack: str) -> None:
    assert list(undocumented("get /", GOOD | part)) == [lack]


def test_a_service_below_a_path_says_so_where_requests_are_tried_out(tmp_path: Path) -> None:
    site = "https://site.example/app"
    below = GatewaySettings(_env_file=None, home=tmp_path, public_url=site)
    beside = StatusSettings(_env_file=None, home=tmp_path, public_url=site)

    assert create_gateway(below).openapi()["servers"] == [{"url": "/app"}]
    assert "servers" not in create_status(beside).openapi()
