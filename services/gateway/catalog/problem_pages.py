"""Pages of problem types, to which the `type` of an error leads."""

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

from heliograph.contracts.errors import NotFound, every_error
from heliograph.runtime.http.access import ScopedRoute, public


def problem_pages() -> APIRouter:
    """A page for each `code`, from the docstring that is also its title."""
    router = APIRouter(include_in_schema=False, route_class=ScopedRoute)
    pages = {error.code: error for error in reversed([*every_error()])}  # the parent has the word

    @router.get("/problems/{code}")
    @public
    async def problem(code: str) -> Response:
        error = pages.get(code)
        if error is None:
            raise NotFound
        status = f"HTTP status {error.status}" if error.status else "the error of a job"
        again = (
            "It may pass: try again."
            if error.retryable
            else "Repeating the same request does not help."
        )
        return HTMLResponse(
            f"<!doctype html><title>{code}</title><h1>{code}</h1>"
            f"<p>{error.title()}</p><p>{status}. {again}</p>"
        )

    return router
