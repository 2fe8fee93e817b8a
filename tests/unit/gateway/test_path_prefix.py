"""A gateway below a path of a proxy: every address that it gives a browser has the path in it."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from services.gateway.app import create_app
from services.gateway.settings import GatewaySettings

NAVIGATION = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PAGE = '<!doctype html><link href="/favicon.svg"><script src="/assets/index-a1.js"></script>'


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """What the proxy asks, which took the path off."""
    dist = tmp_path / "console/dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_text(PAGE)
    (dist / "favicon.svg").write_text('<svg id="/" />')
    settings = {
        "home": tmp_path / "home",
        "web_root": tmp_path,
        "public_url": "https://site.example/app/",
        "auth": "keys",
        "oidc_issuer": "https://id.example",
        "oidc_client_id": "heliograph",
        "oidc_grants": {"artists": {"scopes": ["jobs:read"]}},
    }
    transport = httpx.ASGITransport(create_app(GatewaySettings.model_validate(settings)))
    async with httpx.AsyncClient(transport=transport, base_url="https://site.example") as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/projects/demo/slots/portrait/keeper"])
async def test_a_page_loads_its_files_below_the_path(web: httpx.AsyncClient, path: str) -> None:
    response = await web.get(path, headers=NAVIGATION)

    assert response.text == PAGE.replace('="/', '="/app/')
    assert int(response.headers["content-length"]) == len(response.content)
    assert "etag" not in response.headers
    assert "frame-ancestors 'none'" in response.headers["content-security-policy"]


async def test_other_files_stay_as_they_are(web: httpx.AsyncClient) -> None:
    response = await web.get("/favicon.svg")

    assert response.text == '<svg id="/" />'
    assert "etag" in response.headers


async def test_whether_a_page_is_there_can_be_asked(web: httpx.AsyncClient) -> None:
    response = await web.head("/board", headers=NAVIGATION)

    assert (response.status_code, response.content) == (200, b"")


async def test_the_documentation_finds_its_files_wherever_it_is(web: httpx.AsyncClient) -> None:
    page = await web.get("/docs", headers=NAVIGATION)

    assert "'openapi.json'" in page.text
    assert '"docs/files/swagger-ui.css"' in page.text
    assert (await web.get("/docs/files/swagger-ui.css")).status_code == 200


async def test_the_index_names_addresses_below_the_path(web: httpx.AsyncClient) -> None:
    links = (await web.get("/v1")).json()["links"]

    assert links["docs"] == "https://site.example/app/docs"
    assert links["oidc"] == "https://site.example/app/v1/session/oidc"


async def test_who_fails_to_sign_in_at_the_organisation_is_below_the_path(
    web: httpx.AsyncClient,
) -> None:
    response = await web.get("/v1/session/oidc/callback?error=access_denied")

    assert response.headers["location"] == "/app/sign-in?failed=expired"
