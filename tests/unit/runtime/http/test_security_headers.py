"""Every answer says how browsers may handle it, those to our own bugs included."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, Response

from heliograph.runtime.http.app import create_web
from heliograph.runtime.settings import ServiceSettings

ALWAYS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


@pytest.fixture
async def web() -> AsyncIterator[httpx.AsyncClient]:
    app = create_web(ServiceSettings(allowed_origins=["https://app.example"]), "test")
    _add_routes(app)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
        yield client


def _add_routes(app: FastAPI) -> None:
    @app.get("/answer")
    async def number() -> int:
        return 1

    @app.get("/bug")
    async def bug() -> None:
        raise RuntimeError

    @app.get("/file")
    async def file() -> Response:
        return Response(b"x", headers={"ETag": '"x"'})

    @app.get("/kept")
    async def kept() -> Response:
        return Response(status_code=304, headers={"ETag": '"x"'})

    @app.get("/page")
    async def page() -> Response:
        policy = {"Content-Security-Policy": "default-src 'self'", "Cache-Control": "no-cache"}
        return Response("<p>", headers=policy, media_type="text/html")


@pytest.mark.parametrize(
    ("path", "status"), [("/answer", 200), ("/nowhere", 404), ("/answer?x", 200), ("/bug", 500)]
)
async def test_every_answer_has_them(web: httpx.AsyncClient, path: str, status: int) -> None:
    response = await web.get(path)

    assert response.status_code == status
    assert dict(response.headers) == {**response.headers, **ALWAYS}


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Host": "rebound.example"}, id="of another host"),
        pytest.param(
            {"Origin": "https://evil.example", "Access-Control-Request-Method": "PUT"},
            id="preflight",
        ),
    ],
)
async def test_what_is_refused_before_any_route_has_them(
    web: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    response = await web.options("/answer", headers=headers)

    assert response.status_code in (400, 421)
    assert dict(response.headers) == {**response.headers, **ALWAYS}


async def test_what_a_browser_has_kept_keeps_the_headers_that_it_came_with(
    web: httpx.AsyncClient,
) -> None:
    """A page would lose its own policy with its first reload."""
    response = await web.get("/kept")

    assert not ALWAYS.keys() & response.headers.keys()


async def test_a_file_may_be_kept(web: httpx.AsyncClient) -> None:
    assert "cache-control" not in (await web.get("/file")).headers


async def test_a_page_keeps_what_it_says_for_itself(web: httpx.AsyncClient) -> None:
    response = await web.get("/page")

    assert response.headers["content-security-policy"] == "default-src 'self'"
    assert response.headers["cache-control"] == "no-cache"
