"""The OpenAPI document of a service: what FastAPI finds in the routes, and what it has no word for."""

from typing import Any

from fastapi import FastAPI
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.types import ASGIApp

from heliograph.runtime.http.access import SECURITY_SCHEME
from heliograph.runtime.http.problem_responses import Document, complete
from heliograph.runtime.http.security_headers import SecurityHeaders
from heliograph.runtime.http.strict_route import size_of

_BEARER: Document = {
    "type": "http",
    "scheme": "bearer",
    "description": "An API key; each operation lists the scopes it needs",
}


class DocumentedApi(FastAPI):
    """
    An application whose document is whole, and whose responses have security headers, all of them.

    Args:
        keyed: Whether requests need keys; without, the document asks for none.
    """

    def __init__(self, *, keyed: bool, **options: Any) -> None:
        super().__init__(**options)
        self._keyed = keyed

    def openapi(self) -> Document:
        if self.openapi_schema is None:
            document = super().openapi()
            complete(document)
            if self._keyed:
                document["components"]["securitySchemes"] = {SECURITY_SCHEME: _BEARER}
            for path in document["paths"].values():
                for operation in path.values():
                    if not self._keyed:
                        operation.pop("security", None)
                    _describe_events(operation["responses"].get("200", {}).get("content", {}))
        return super().openapi()

    def build_middleware_stack(self) -> ASGIApp:
        """Around the handler of our own bugs, which other middleware does not see."""
        return SecurityHeaders(super().build_middleware_stack())


class EventStream(Response):
    """The response class of a route whose documented model is the `data` of its events."""

    media_type = "text/event-stream"


def _describe_events(content: Document) -> None:
    """Schema of an event stream, in the form of OpenAPI 3.2: a sequence of events with a model."""
    if EventStream.media_type in content:
        model = content[EventStream.media_type].pop("schema")
        del model["type"]  # FastAPI's, of the text
        data = {"type": "string", "contentMediaType": "application/json", "contentSchema": model}
        text = {"type": "string"}
        item = {"type": "object", "properties": {"event": text, "id": text, "data": data}}
        content[EventStream.media_type]["itemSchema"] = item


def operation_id(route: APIRoute) -> str:
    """A name for generated clients: `list_jobs` is `listJobs`."""
    first, *others = route.name.split("_")
    return first + "".join(map(str.capitalize, others))


def bytes_of(limit: int) -> Document:
    """A body of any bytes, so many at most, for a route that reads it itself."""
    schema: dict[str, Any] = {"type": "string", "format": "binary"}
    content = {"application/octet-stream": {"schema": schema}}
    return {"requestBody": {**size_of(limit), "content": content, "required": True}}
