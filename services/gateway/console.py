"""
The console, a single-page application: its built files at `/`, and the TypeScript client for pages.

Files whose names contain a digest are kept by browsers for ever, all others are revalidated each time.
A path without a route or file is a page of the console, if a browser navigates to it.
"""

from pathlib import Path
from typing import cast

from fastapi import FastAPI
from fastapi.responses import FileResponse, HTMLResponse, Response
from servestatic import ServeStaticASGI
from starlette.types import ASGIApp

from heliograph.contracts.errors import NotFound
from heliograph.runtime.http.access import public
from services.gateway.page_headers import PageHeaders
from services.gateway.path_prefix import PathPrefix
from services.gateway.settings import GatewaySettings

_ASSETS = "/assets"  #: files whose names contain a digest
_CLIENT_TYPES = {".js": "text/javascript", ".ts": "text/plain"}  #: by the ending of a file
#: of files that pages of any origin load
_CLIENT_HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Cache-Control": "no-cache",
}

_NOT_BUILT = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Heliograph</title>'
    "<h1>Heliograph</h1><p>The gateway works. The console was not built: run "
    "<code>make console</code> and restart the gateway.</p>"
    '<p>The API is described at <a href="/docs">/docs</a>.</p></html>'
)


def add_console(app: FastAPI, settings: GatewaySettings) -> None:
    """Serve the built console and client; without a build, a page with the command to build them."""
    _serve_client(app, settings.web_root / "clients/typescript/dist")
    if settings.console == "off":
        return
    dist = settings.web_root / "console/dist"
    if (dist / "index.html").is_file():
        _serve_build(app, dist)
    else:
        _say_not_built(app)
    if settings.path_prefix:
        app.add_middleware(PathPrefix, prefix=settings.path_prefix)
    app.add_middleware(PageHeaders, settings=settings)


def _serve_build(app: FastAPI, dist: Path) -> None:
    assets = ServeStaticASGI(
        None,
        root=dist / "assets",
        prefix=f"{_ASSETS}/",
        immutable_file_test=lambda path, url: True,
        autorefresh=True,  # a build that is made meanwhile has files of other names
    )
    app.mount(_ASSETS, cast(ASGIApp, assets))  # typed by asgiref, with other names
    app.frontend("/", directory=dist, fallback="index.html")


def _say_not_built(app: FastAPI) -> None:
    @app.get("/", include_in_schema=False)
    @public
    async def show_not_built() -> HTMLResponse:
        return HTMLResponse(_NOT_BUILT)


def _serve_client(app: FastAPI, dist: Path) -> None:
    """`/heliograph.js` with its types and the modules that it loads, for pages of any origin."""

    @app.api_route("/heliograph{part}", methods=["GET", "HEAD"], include_in_schema=False)
    @public
    def send_client(part: str) -> Response:
        file = dist / f"heliograph{part}"
        media_type = _CLIENT_TYPES.get(file.suffix)
        if media_type is None:
            raise NotFound
        if not file.is_file():
            raise NotFound("there is no such file of the TypeScript client: run `make client`")
        return FileResponse(file, media_type=media_type, headers=_CLIENT_HEADERS)
