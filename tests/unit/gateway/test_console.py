"""The gateway serves the console as built, under a strict policy, and works without a build."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.gateway.app import create_app
from services.gateway.page_headers import content_security_policy
from services.gateway.settings import GatewaySettings

PAGE = "<!doctype html><title>Console</title>"
NAVIGATION = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def build(root: Path) -> None:
    """What a build of the console and of the client looks like."""
    dist, client = root / "console/dist", root / "clients/typescript/dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_text(PAGE)
    (dist / "favicon.svg").write_text("<svg/>")
    (dist / "assets/index-a1b2.js").write_text("export {}")
    client.mkdir(parents=True)
    (client / "heliograph.js").write_text("export class Heliograph {}")
    (client / "heliograph.d.ts").write_text("export declare class Heliograph {}")
    (client / "heliograph-part.js").write_text("export const Heliograph = 1")
    (client / "react.js").write_text("export {}")
    (client / "heliograph.secret").write_text("it is none of the client")


def settings(root: Path, **changes: Any) -> GatewaySettings:
    return GatewaySettings(home=root / "home", web_root=root, **changes)


def client_of(app: FastAPI) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a build."""
    root = tmp_path_factory.mktemp("root")
    build(root)
    return root


@pytest.fixture(scope="module")
def gateway(root: Path) -> FastAPI:
    return create_app(settings(root))


@pytest.fixture
async def web(gateway: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(gateway) as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/jobs/job_1", "/projects/demo/studio?slot=a"])
async def test_every_page_of_the_console_is_the_application(
    web: httpx.AsyncClient, path: str
) -> None:
    response = await web.get(path, headers=NAVIGATION)

    assert (response.status_code, response.text) == (200, PAGE)
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["cross-origin-opener-policy"] == "same-origin"


def test_the_policy_names_exactly_the_origins_of_this_deployment(tmp_path: Path) -> None:
    policy = content_security_policy(settings(tmp_path))

    assert policy == (
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; "
        "img-src 'self' data: blob: http://127.0.0.1:9000; media-src blob: http://127.0.0.1:9000; "
        "connect-src 'self' http://127.0.0.1:8081 ws://127.0.0.1:8081 http://127.0.0.1:8082 "
        "http://127.0.0.1:9000; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types svelte-trusted-html"
    )


def test_the_policy_takes_origins_without_paths_from_public_addresses(tmp_path: Path) -> None:
    public = {
        "status_public_url": "https://app.example/status",
        "storage_public_url": "https://files.example",
        "s3_public_endpoint": "https://s3.example",
    }

    policy = content_security_policy(settings(tmp_path, **public))

    assert (
        "connect-src 'self' https://app.example wss://app.example https://files.example "
        "https://s3.example;"
    ) in policy
    assert "http:" not in policy


async def test_the_page_is_sent_with_the_policy(web: httpx.AsyncClient, root: Path) -> None:
    response = await web.get("/", headers=NAVIGATION)

    policy = content_security_policy(settings(root))
    assert response.headers["content-security-policy"] == policy


async def test_files_with_a_digest_in_their_names_are_kept_for_ever(web: httpx.AsyncClient) -> None:
    response = await web.get("/assets/index-a1b2.js")

    assert (response.status_code, response.text) == (200, "export {}")
    assert response.headers["content-type"].startswith("text/javascript")
    assert "immutable" in response.headers["cache-control"]


async def test_other_files_are_asked_for_anew(web: httpx.AsyncClient) -> None:
    response = await web.get("/favicon.svg")
    again = await web.get("/favicon.svg", headers={"if-none-match": response.headers["etag"]})

    assert response.headers["cache-control"] == "no-cache"
    assert again.status_code == 304


async def test_a_build_that_is_made_meanwhile_is_served(web: httpx.AsyncClient, root: Path) -> None:
    (root / "console/dist/assets/index-c3d4.js").write_text("export const x = 1")

    assert (await web.get("/assets/index-c3d4.js")).text == "export const x = 1"


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/assets/gone-1234.js", NAVIGATION, 404),
        ("GET", "/assets/%2e%2e/%2e%2e/secret", NAVIGATION, 404),
        ("GET", "/nowhere", {"accept": "*/*"}, 404),
        ("GET", "/v1/nowhere", NAVIGATION, 404),
        ("GET", "/v1/nowhere", {"accept": "*/*"}, 404),
        ("GET", "/v1/projects/demo/restore", NAVIGATION, 405),
        ("POST", "/", {}, 405),
        ("DELETE", "/v1/lanes", {}, 405),
        ("HEAD", "/board", NAVIGATION, 200),
    ],
)
async def test_what_is_no_page_is_what_it_was_without_the_console(
    web: httpx.AsyncClient, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    response = await web.request(method, path, headers=headers)

    assert response.status_code == status
    assert PAGE not in response.text


async def test_allowed_methods_are_those_of_the_api(web: httpx.AsyncClient) -> None:
    response = await web.delete("/v1/lanes")

    assert response.headers["allow"] == "GET"
    assert response.json()["code"] == "method_not_allowed"


async def test_the_api_has_no_headers_of_pages(web: httpx.AsyncClient) -> None:
    response = await web.get("/v1/models", headers=NAVIGATION)

    assert response.headers["content-type"] == "application/json"
    policy = response.headers["content-security-policy"]
    assert policy == "default-src 'none'; frame-ancestors 'none'"
    assert response.headers["cache-control"] == "no-store"


async def test_the_documentation_keeps_its_own_policy(web: httpx.AsyncClient) -> None:
    response = await web.get("/docs", headers=NAVIGATION)

    assert "sha256-" in response.headers["content-security-policy"]


@pytest.mark.parametrize("origin", [None, "https://elsewhere.example"])
@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("heliograph.js", "text/javascript"),
        ("heliograph-part.js", "text/javascript"),
        ("heliograph.d.ts", "text/plain"),
    ],
)
async def test_the_client_is_there_for_pages_of_any_origin(
    web: httpx.AsyncClient, origin: str | None, name: str, media_type: str
) -> None:
    response = await web.get(f"/{name}", headers={"origin": origin} if origin else {})

    assert (response.status_code, "Heliograph" in response.text) == (200, True)
    assert response.headers["content-type"].startswith(media_type)
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    ["heliograph.secret", "heliograph", "heliograph-gone.js", "heliograph%2f..%2freact.js"],
)
async def test_other_files_beside_the_client_are_not_served(
    web: httpx.AsyncClient, path: str
) -> None:
    assert (await web.get(f"/{path}")).status_code == 404


async def test_a_gateway_without_a_build_says_what_to_do(tmp_path: Path) -> None:
    async with client_of(create_app(settings(tmp_path))) as web:
        page = await web.get("/", headers=NAVIGATION)
        other = await web.get("/board", headers=NAVIGATION)
        client = await web.get("/heliograph.js")
        models = await web.get("/v1/models")

    assert page.status_code == 200
    assert "make console" in page.text
    assert 'href="/docs"' in page.text
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert (other.status_code, client.status_code) == (404, 404)
    assert "make client" in client.json()["detail"]
    assert models.status_code == 200


async def test_the_console_can_be_switched_off(root: Path) -> None:
    app = create_app(settings(root, console="off"))
    async with client_of(app) as web:
        page, client = await web.get("/", headers=NAVIGATION), await web.get("/heliograph.js")

    assert (page.status_code, client.status_code) == (404, 200)
