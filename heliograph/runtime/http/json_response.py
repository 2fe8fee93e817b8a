"""JSON response of content that was built here, and need not be checked again."""

from typing import Any

from fastapi import Response
from pydantic_core import to_json


def json_response(
    content: Any, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """Compact JSON as it is, whatever the route declares."""
    return Response(to_json(content), status, headers, media_type="application/json")
