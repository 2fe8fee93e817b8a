"""Account store of the emulated fal: accounts by key, and uploaded files."""

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.support.emulation.account_store import AccountStore, heard
from tests.support.fal.accounts import FalAccountState
from tests.support.fal.webhooks import Signer

_KEY = re.compile(r"Key (\S+)")
_NOBODY = {"detail": "Authentication is required to access this application"}


class FalAccountStore(AccountStore[FalAccountState]):
    """The accounts of the emulated fal, and their files."""

    def __init__(self, signer: Signer) -> None:
        super().__init__(FalAccountState, _key_of, (401, _NOBODY))
        self._signer = signer
        self.files: dict[str, tuple[bytes, str]] = {}  #: uploads, with their types
        self.strangers: list[dict[str, Any]] = []  #: requests without a key of fal's

    def is_missing(self, http: Request, body: dict[str, Any]) -> bool:
        """Whether a request names a file that was uploaded here and removed since."""
        here = f"{self.media(http)}/files/"
        named = [each for value in body.values() for each in _texts(value)]
        ours = [each.removeprefix(here) for each in named if each.startswith(here)]
        return any(name not in self.files for name in ours)

    def stranger(self, http: Request) -> None:
        """A request that needs no key, and had better not carry one."""
        self.strangers.append(heard(http))

    def media(self, http: Request) -> str:
        """Where files are, seen from wherever the request came."""
        return f"{http.url.scheme}://{http.url.netloc}/cdn"

    def routes(self) -> list[Route]:
        return [
            *super().routes(),
            Route("/signatures", self._sign, methods=["POST"]),
            Route("/files", self._forget, methods=["DELETE"]),
            Route("/strangers", self._strangers),
        ]

    async def _sign(self, http: Request) -> Response:
        off = int(http.query_params.get("off", 0))
        return JSONResponse(self._signer.headers(http.query_params["id"], await http.body(), off))

    async def _forget(self, _: Request) -> Response:
        self.files.clear()
        return JSONResponse({})

    async def _strangers(self, _: Request) -> Response:
        return JSONResponse(self.strangers)


def _key_of(http: Request) -> str | None:
    match = _KEY.fullmatch(http.headers.get("Authorization", ""))
    return match[1] if match else None


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, str)]
