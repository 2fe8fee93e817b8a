"""The emulator, wired: fal's surfaces, each below a path of its own, and a control API for tests."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from tests.support.emulation.account_store import Refusal, send_refusal
from tests.support.emulation.faults import Cutting
from tests.support.fal.account_store import FalAccountStore
from tests.support.fal.api import Platform
from tests.support.fal.queue import Queue
from tests.support.fal.storage import Storage
from tests.support.fal.webhooks import Signer


def create_app() -> ASGIApp:
    """A fal that nobody used yet."""
    signer = Signer()
    account_store = FalAccountStore(signer)
    queue, storage = Queue(account_store, signer), Storage(account_store, signer)
    app = Starlette(
        routes=[
            Mount("/queue", routes=queue.routes()),
            Mount("/run", routes=[Route("/{endpoint:path}", queue.run, methods=["POST"])]),
            Mount("/rest", routes=storage.rest_routes()),
            Mount("/cdn", routes=storage.cdn_routes()),
            Mount("/api", routes=Platform(account_store).routes()),
            Mount("/emulator", routes=account_store.routes()),
        ],
        exception_handlers={HTTPException: problem, Refusal: send_refusal},
    )
    return Cutting(app)


async def problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"detail": error.detail}, error.status_code)
