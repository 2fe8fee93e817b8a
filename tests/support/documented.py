"""Responses of services, compared with their OpenAPI documents: a hook for `httpx` clients of tests."""

import json
import re
from functools import cache
from typing import Any

import httpx
from jsonschema import Draft202012Validator

from tests.support.golden import OPENAPI

Document = dict[str, Any]


class DocumentedResponses:
    """
    Checks every response to a documented operation.

    Args:
        service: Whose document it is.
    """

    def __init__(self, service: str) -> None:
        self._service = service

    async def __call__(self, response: httpx.Response) -> None:
        """Raises AssertionError: the document does not say that."""
        operation = self._operation(response.request)
        if operation is None:
            return
        place = f"{response.request.method} {response.request.url.path}: {response.status_code}"
        documented = operation["responses"].get(str(response.status_code))
        assert documented is not None, f"{place} is not documented"
        await response.aread()
        content = documented.get("content", {})
        media_type = response.headers.get("content-type", "").partition(";")[0]
        assert media_type in content or not response.content, f"{place} is not {list(content)}"
        if media_type.endswith("json"):
            schema = json.dumps(content[media_type]["schema"])
            errors = list(_validator(self._service, schema).iter_errors(response.json()))
            assert not errors, f"{place}: {errors[0].json_path}: {errors[0].message[:300]}"
        for name in response.headers.keys() & {"link", "idempotency-replayed", "retry-after"}:
            known = {each.lower() for each in documented.get("headers", {})}
            assert name in known, f"{place} has a header {name} that is not documented"

    def _operation(self, request: httpx.Request) -> Document | None:
        for pattern, operations in _operations(self._service).items():
            if pattern.fullmatch(request.url.path):
                operation: Document | None = operations.get(request.method.lower())
                return operation
        return None


@cache
def _document(service: str) -> Document:
    """Made once: it takes a whole application to make it."""
    return OPENAPI[service]()


@cache
def _operations(service: str) -> dict[re.Pattern[str], Document]:
    return {_pattern(path): item for path, item in _document(service)["paths"].items()}


@cache
def _validator(service: str, schema: str) -> Draft202012Validator:
    whole = {**json.loads(schema), "components": _document(service)["components"]}
    return Draft202012Validator(whole)


def _pattern(path: str) -> re.Pattern[str]:
    """Which paths are meant; of all names, that of a slot alone has slashes."""
    return re.compile(re.sub(r"\{(\w+)\}", lambda m: ".+" if m[1] == "slot" else "[^/]+", path))


def documented_client(url: str, service: str = "gateway", **options: Any) -> httpx.AsyncClient:
    """A client that checks whether the document says what it is answered."""
    hooks: Any = {"response": [DocumentedResponses(service)]}
    return httpx.AsyncClient(base_url=url, event_hooks=hooks, **options)
