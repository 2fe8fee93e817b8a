"""The emulator, wired: fal's surfaces, each below a path of its own, and a door for tests."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from tests.support.emulation.faults import Cutting
from tests.support.fal.api import Platform
from tests.support.fal.books import Books
from tests.support.fal.plans import Plan
from tests.support.fal.queue import Queue
from tests.support.fal.storage import Storage
from tests.support.fal.webhooks import Signer

_CHANGEABLE = ("concurrency", "retention", "storage_troubles", "files_gone", "calls_back")


def create_app() -> ASGIApp:
    """A fal that nobody used yet."""
    books, signer = Books(), Signer()
    queue, storage = Queue(books, signer), Storage(books, signer)
    app = Starlette(
        routes=[
            Mount("/queue", routes=queue.routes()),
            Mount("/run", routes=[Route("/{endpoint:path}", queue.run, methods=["POST"])]),
            Mount("/rest", routes=storage.rest_routes()),
            Mount("/cdn", routes=storage.cdn_routes()),
            Mount("/api", routes=Platform(books).routes()),
            Mount("/emulator", routes=Door(books, signer).routes()),
        ],
        exception_handlers={HTTPException: problem},
    )
    return Cutting(app)


async def problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"detail": error.detail}, error.status_code)


class Door:
    """What tests may know and change."""

    def __init__(self, books: Books, signer: Signer) -> None:
        self._books = books
        self._signer = signer

    def routes(self) -> list[Route]:
        return [
            Route("/accounts/{key}", self.tell),
            Route("/accounts/{key}", self.change, methods=["PUT"]),
            Route("/accounts/{key}/plans", self.plan, methods=["PUT"]),
            Route("/signatures", self.sign, methods=["POST"]),
            Route("/files", self.forget, methods=["DELETE"]),
            Route("/strangers", self.strangers),
        ]

    async def tell(self, http: Request) -> Response:
        account = self._books.accounts[http.path_params["key"]]
        accepted = [
            {
                "id": r.id,
                "endpoint": r.endpoint,
                "body": r.body,
                "headers": r.headers,
                "webhook": r.webhook,
            }
            for r in account.requests
        ]
        report = {"accepted": accepted, "posts": account.posts, "heard": account.heard}
        return JSONResponse(report | {"uploads": account.uploads})

    async def change(self, http: Request) -> Response:
        account = self._books.accounts[http.path_params["key"]]
        for name, value in (await http.json()).items():
            assert name in _CHANGEABLE
            setattr(account, name, value)
        return JSONResponse({})

    async def plan(self, http: Request) -> Response:
        account, fields = self._books.accounts[http.path_params["key"]], await http.json()
        prompt = fields.pop("prompt")
        account.plans[prompt] = Plan.model_validate(fields)
        return JSONResponse({})

    async def sign(self, http: Request) -> Response:
        off = int(http.query_params.get("off", 0))
        return JSONResponse(self._signer.headers(http.query_params["id"], await http.body(), off))

    async def forget(self, http: Request) -> Response:
        self._books.files.clear()
        return JSONResponse({})

    async def strangers(self, http: Request) -> Response:
        return JSONResponse(self._books.strangers)
