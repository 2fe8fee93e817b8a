"""OpenAPI of queries and bodies that routes parse themselves."""

from typing import Any

from pydantic import BaseModel

from heliograph.runtime.http.bodies import MAX_BODY

MAX_BYTES = "x-max-bytes"  #: of a body; a larger one is answered with 413

Document = dict[str, Any]


def body_of(shape: type[BaseModel]) -> Document:
    """A body of JSON."""
    return {"requestBody": _body("application/json", _schema_of(shape), MAX_BODY)}


def bytes_of(limit: int) -> Document:
    """A body of any bytes, so many at most."""
    schema = {"type": "string", "format": "binary"}
    return {"requestBody": _body("application/octet-stream", schema, limit)}


def query_of(shape: type[BaseModel]) -> Document:
    """The parameters of a query; a group of them is written `<group>.<name>=<value>`."""
    schema = _schema_of(shape)
    required = schema.get("required", [])
    parameters = [
        {"name": name, "in": "query", "required": name in required, "schema": each}
        for name, each in schema["properties"].items()
    ]
    return {"parameters": [_described(each) for each in parameters]}


def _described(parameter: Document) -> Document:
    if parameter["schema"].get("type") != "object":
        return parameter
    name = parameter["name"]
    return {**parameter, "description": f"written `{name}.<name>=<value>`, each name once"}


def _body(media_type: str, schema: Document, limit: int) -> Document:
    described = {"description": f"At most {limit} bytes", MAX_BYTES: limit}
    return {**described, "content": {media_type: {"schema": schema}}, "required": True}


def _schema_of(shape: type[BaseModel]) -> Document:
    schema = shape.model_json_schema()
    whole: Document = _whole(schema, schema.get("$defs", {}))
    return whole


def _whole(schema: Any, shapes: Document) -> Any:
    """A schema with its parts in their places: OpenAPI would look for them somewhere else."""
    match schema:
        case {"$ref": str(name), **rest}:
            return {**_whole(shapes[name.rsplit("/", 1)[1]], shapes), **rest}
        case dict():
            return {name: _whole(v, shapes) for name, v in schema.items() if name != "$defs"}
        case list():
            return [_whole(each, shapes) for each in schema]
    return schema
