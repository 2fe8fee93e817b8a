"""Every list, filter and body that a client can send has a bound, and the schema says it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from heliograph.contracts.live_frames import CLIENT_FRAME
from heliograph.runtime.http.strict_route import MAX_BYTES
from services.gateway.app import create_app as create_gateway
from services.gateway.settings import GatewaySettings

METHODS = ("get", "put", "post", "patch", "delete")
#: how pydantic shows a decimal; how many digits it has is checked, and has no word in a schema
DECIMAL = [{"minimum": 0.0, "type": "number"}, {"type": "string"}]

Schema = dict[str, Any]


def operations(app: FastAPI) -> Iterator[tuple[str, Schema]]:
    document = app.openapi()
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                told = {"parameters": [], **item[method], "responses": {}}
                yield f"{method} {path}", inlined(told, document["components"]["schemas"])


def inlined(schema: Any, components: Schema) -> Any:
    """The same, with every component in its place."""
    match schema:
        case {"$ref": str(name), **others}:
            return inlined(components[name.rpartition("/")[2]] | others, components)
        case dict():
            return {name: inlined(each, components) for name, each in schema.items()}
        case list():
            return [inlined(each, components) for each in schema]
    return schema


def unbounded(schema: Any, place: str = "") -> Iterator[str]:
    """Places in a schema that take as much as anybody sends."""
    if not isinstance(schema, dict):
        return
    kinds = schema.get("type")
    if kinds == "array":
        if "maxItems" not in schema:
            yield place
        yield from unbounded(schema.get("items"), f"{place}/*")
    elif kinds == "object":
        if "properties" not in schema and "maxProperties" not in schema:
            yield place
        for name, member in schema.get("properties", {}).items():
            yield from unbounded(member, f"{place}/{name}")
        yield from unbounded(schema.get("additionalProperties"), f"{place}/<name>")
    elif (kinds == "string" and not _is_short(schema)) or (
        kinds == "integer" and not {"maximum", "exclusiveMaximum", "const", "enum"} & set(schema)
    ):
        yield place
    for word in ("anyOf", "oneOf", "allOf"):
        for member in schema.get(word, []):
            if member not in DECIMAL or schema[word][:2] != DECIMAL:
                yield from unbounded(member, place)


def _is_short(schema: Schema) -> bool:
    if {"maxLength", "enum", "const", "format"} & set(schema):
        return True
    pattern = schema.get("pattern", "")
    endless = re.search(r"(?<!\\)[*+]|,\}", re.sub(r"\[[^\]]*\]", "x", pattern))
    return bool(pattern and not endless)


def test_every_body_says_how_large_it_may_be_and_bounds_what_is_in_it(app: FastAPI) -> None:
    for name, operation in operations(app):
        if not name.startswith(("get", "delete")):
            body = operation["requestBody"]
            assert body[MAX_BYTES] > 0, name
            for each in body["content"].values():
                assert list(unbounded(each["schema"])) == [], name


def test_every_filter_says_how_large_it_may_be(app: FastAPI) -> None:
    for name, operation in operations(app):
        for parameter in operation["parameters"]:
            if parameter["in"] == "query":
                assert list(unbounded(parameter["schema"])) == [], (name, parameter["name"])


def test_every_list_with_pages_says_how_long_one_may_be(tmp_path: Path) -> None:
    paged = {}
    for name, operation in operations(create_gateway(GatewaySettings(home=tmp_path))):
        for parameter in operation["parameters"]:
            if parameter["name"] == "limit":
                paged[name] = parameter["schema"]["maximum"]

    assert paged == {
        "get /v1/projects": 200,
        "get /v1/lanes/{name}/queue": 500,
        "get /v1/projects/{project}/jobs": 200,
        "get /v1/projects/{project}/slots": 200,
        "get /v1/projects/{project}/slots/{slot}": 200,
        "get /v1/projects/{project}/usage": 1000,
    }


@pytest.mark.parametrize("group", ["tag", "param"])
def test_a_list_is_narrowed_by_sixteen_labels_of_a_kind(tmp_path: Path, group: str) -> None:
    every = dict(operations(create_gateway(GatewaySettings(home=tmp_path))))
    parameters = every["get /v1/projects/{project}/jobs"]["parameters"]
    [schema] = [each["schema"] for each in parameters if each["name"] == group]

    assert schema["maxProperties"] == 16


def test_a_frame_of_a_client_is_bounded() -> None:
    schema = CLIENT_FRAME.json_schema()
    frames = schema["$defs"].values()

    assert [place for frame in frames for place in unbounded(frame)] == []


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"type": "boolean"}},
        {"type": "string"},
        {"type": "string", "pattern": "^a+$"},
        {"type": "object", "additionalProperties": True},
        {"type": "object", "properties": {"x": {"type": "integer"}}},
        {"anyOf": [{"type": "null"}, {"type": "string"}]},
        {"type": "array", "maxItems": 3, "items": {"type": "string"}},
    ],
)
def test_what_has_no_bound_is_found(schema: Schema) -> None:
    assert list(unbounded(schema))
