"""
The page `/docs`: Swagger UI of our own files, and a policy under which it asks no other host for any.

The files are those of the package `fastapi_offline`; FastAPI's own page loads them from a CDN.
"""

import base64
import hashlib
import re
from importlib import resources

import fastapi_offline
from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

_FILES = "docs/files"  #: beside the page, whatever path of a proxy leads to it
_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


def add_docs_page(app: FastAPI) -> None:
    """`/docs`, and the files it is made of."""
    page = get_swagger_ui_html(
        openapi_url="openapi.json",
        title=app.title,
        swagger_js_url=f"{_FILES}/swagger-ui-bundle.js",
        swagger_css_url=f"{_FILES}/swagger-ui.css",
        swagger_favicon_url=f"{_FILES}/favicon.png",
        swagger_ui_parameters={"validatorUrl": None},  # else a badge from a host of its makers
    )
    body = bytes(page.body)
    headers = {"Content-Security-Policy": _policy(body)}

    @app.get("/docs", include_in_schema=False)
    async def show_docs() -> HTMLResponse:
        return HTMLResponse(body, headers=headers)

    with resources.as_file(resources.files(fastapi_offline) / "static") as folder:
        app.mount(f"/{_FILES}", StaticFiles(directory=folder))


def _policy(page: bytes) -> str:
    """Same origin only, but for the script in the page itself; Swagger UI sets styles by script."""
    digests = [hashlib.sha256(script).digest() for script in _SCRIPT.findall(page)]
    scripts = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return (
        f"default-src 'none'; script-src 'self' {scripts}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
