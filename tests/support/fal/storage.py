"""`/rest` and `/cdn`: tokens and uploads, and the files that models made."""

import asyncio
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.support.emulation.faults import trouble
from tests.support.emulation.files import picture, video
from tests.support.fal.account_store import FalAccountStore
from tests.support.fal.accounts import FalAccountState
from tests.support.fal.oddities import ODDITIES, odd
from tests.support.fal.webhooks import Signer

_FLAKY = 3  #: downloads that fail before one does not


class Storage:
    """fal's CDN, with what belongs to it."""

    def __init__(self, account_store: FalAccountStore, signer: Signer) -> None:
        self._account_store = account_store
        self._signer = signer
        self._tokens: dict[str, FalAccountState] = {}
        self._downloads: Counter[str] = Counter()

    def rest_routes(self) -> list[Route]:
        return [
            Route("/.well-known/jwks.json", self.jwks),
            Route("/storage/auth/token", self.token, methods=["POST"]),
            Route("/storage/upload/initiate", self.initiate, methods=["POST"]),
        ]

    def cdn_routes(self) -> list[Route]:
        return [
            Route("/files/upload", self.upload, methods=["POST"]),
            Route("/files/{name}/{file}", self.media),
            Route("/files/{name}", self.uploaded),
        ]

    async def jwks(self, http: Request) -> Response:
        return JSONResponse(self._signer.jwks())

    async def token(self, http: Request) -> Response:
        account, token = self._account_store.account(http), uuid4().hex
        self._tokens[token] = account
        expires = datetime.now(UTC) + timedelta(hours=1)
        granted = {
            "token": token,
            "token_type": "Bearer",
            "base_url": self._account_store.media(http),
        }
        return JSONResponse(granted | {"expires_at": expires.isoformat()})

    async def initiate(self, http: Request) -> Response:
        """The way that fal-client falls back to, and that gives the key away."""
        self._account_store.account(http)
        here = f"{self._account_store.media(http)}/files/{uuid4().hex}"
        return JSONResponse({"upload_url": here, "file_url": here})

    async def upload(self, http: Request) -> Response:
        header = http.headers.get("Authorization", "")
        account = self._tokens.get(header.removeprefix("Bearer "))
        if account is None:
            return JSONResponse({"detail": "Unauthorized"}, 401)
        account.uploads.append(http.headers.get("X-Fal-Object-Lifecycle", ""))
        if account.storage_troubles:
            name = account.storage_troubles.pop(0)
            return odd(name, {}) if name in ODDITIES else await trouble(http, name)
        name = f"{uuid4().hex}_{http.headers.get('X-Fal-File-Name', 'file')}"
        self._account_store.files[name] = (await http.body(), http.headers.get("Content-Type", ""))
        return JSONResponse({"access_url": f"{self._account_store.media(http)}/files/{name}"})

    async def uploaded(self, http: Request) -> Response:
        content, media_type = self._account_store.files.get(http.path_params["name"], (b"", ""))
        if not content:
            return JSONResponse({"detail": "Not found"}, 404)
        return Response(content, media_type=media_type)

    async def media(self, http: Request) -> Response:
        """A file that a model made; whoever knows the address may have it."""
        self._account_store.stranger(http)
        name, extension = http.path_params["name"], http.path_params["file"].rpartition(".")[2]
        known = ((a, r) for a in self._account_store.accounts.values() for r in a.requests)
        account, request = next(((a, r) for a, r in known if r.id == name), (None, None))
        if account is None or request is None or request.stage(time.time()) != "COMPLETED":
            return JSONResponse({"detail": "Not found"}, 404)
        if account.files_gone:
            return JSONResponse({"detail": "Gone"}, 410)
        match request.plan.media:
            case "wrong_type":
                return Response("<!doctype html><script>1</script>", media_type="image/png")
            case "huge":
                headers = {"Content-Length": str(5 * 10**9)}
                return StreamingResponse(_begin(), headers=headers, media_type="image/png")
            case "flaky" if self._downloads[name] < _FLAKY:
                self._downloads[name] += 1
                return Response("try later", 503)
        if extension == "mp4":
            return Response(await asyncio.to_thread(video), media_type="video/mp4")
        return Response(picture(http.path_params["file"]), media_type="image/png")


async def _begin() -> Any:
    yield b"\x89PNG\r\n\x1a\n"
    await asyncio.sleep(30)
