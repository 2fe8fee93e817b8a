"""The emulator, wired: fal's surfaces, each below a path of its own, and a door for tests."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from tests.support.emulation.books import Refusal, say_no
from tests.support.emulation.faults import Cutting
from tests.support.fal.api import Platform
from tests.support.fal.books import FalBooks
from tests.support.fal.queue import Queue
from tests.support.fal.storage import Storage
from tests.support.fal.webhooks import Signer


def create_app() -> ASGIApp:
    """A fal that nobody used yet."""
    signer = Signer()
    books = FalBooks(signer)
    queue, storage = Queue(books, signer), Storage(books, signer)
    app = Starlette(
        routes=[
            Mount("/queue", routes=queue.routes()),
            Mount("/run", routes=[Route("/{endpoint:path}", queue.run, methods=["POST"])]),
            Mount("/rest", routes=storage.rest_routes()),
            Mount("/cdn", routes=storage.cdn_routes()),
            Mount("/api", routes=Platform(books).routes()),
            Mount("/emulator", routes=books.routes()),
        ],
        exception_handlers={HTTPException: problem, Refusal: say_no},
    )
    return Cutting(app)


async def problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"detail": error.detail}, error.status_code)
