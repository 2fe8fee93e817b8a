"""Whatever goes wrong behind our HTTP, the response is a problem that says no more than it should."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from heliograph.contracts.errors import MalformedRequest, SlotBusy, Unavailable
from heliograph.contracts.problems import Problem
from heliograph.runtime.http.app import create_web
from heliograph.runtime.settings import ServiceSettings


@pytest.fixture
async def web() -> AsyncIterator[httpx.AsyncClient]:
    """An application with our manners, and one route for each thing that can go wrong."""
    app = create_web(ServiceSettings(allowed_origins=["https://app.example"]), "test")
    add_routes(app)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
        yield client


def add_routes(app: FastAPI) -> None:
    @app.post("/boats")
    async def create_boat() -> None:
        raise MalformedRequest

    @app.get("/boats/{number}")
    async def get_boat(number: int, sort: bool = False) -> int:
        return number

    @app.get("/busy")
    async def busy() -> None:
        raise SlotBusy("alice is there")

    @app.get("/away")
    async def away() -> None:
        raise Unavailable("nobody is there")

    @app.get("/full")
    async def full() -> None:
        raise Unavailable(retry_after=2.2)

    @app.get("/bug")
    async def bug() -> None:
        raise RuntimeError("secret detail")


def problem(response: httpx.Response) -> Problem:
    assert response.headers["content-type"] == "application/problem+json"
    return Problem.model_validate(response.json())


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("DELETE", "/boats", 405, "method_not_allowed"),
        ("POST", "/boats", 400, "malformed_request"),
        ("GET", "/boats/one", 404, "not_found"),
        ("GET", "/boats/1?sort=up", 422, "validation_failed"),
        ("GET", "/busy", 409, "slot_busy"),
        ("GET", "/away", 503, "unavailable"),
    ],
)
async def test_every_error_is_a_problem(
    web: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    response = await web.request(method, path)

    assert response.status_code == status
    assert (problem(response).status, problem(response).code) == (status, code)
    assert problem(response).instance == path.partition("?")[0]


async def test_a_bug_is_logged_and_tells_nothing_about_itself(web: httpx.AsyncClient) -> None:
    with capture_logs() as lines:
        response = await web.get("/bug")

    assert (response.status_code, problem(response).code) == (500, "internal")
    assert "secret" not in response.text
    assert [str(line["exc_info"]) for line in lines] == ["secret detail"]


async def test_what_could_not_be_served_is_logged_with_its_reason(web: httpx.AsyncClient) -> None:
    with capture_logs() as lines:
        await web.get("/away")
        await web.get("/busy")

    assert [(line["path"], line["code"], line["reason"]) for line in lines] == [
        ("/away", "unavailable", "nobody is there")
    ]


async def test_a_method_that_is_not_allowed_names_those_that_are(web: httpx.AsyncClient) -> None:
    assert (await web.delete("/boats")).headers["allow"] == "POST"


@pytest.mark.parametrize(("path", "seconds"), [("/away", "1"), ("/full", "3")])
async def test_what_may_pass_says_in_how_many_seconds(
    web: httpx.AsyncClient, path: str, seconds: str
) -> None:
    assert (await web.get(path)).headers["retry-after"] == seconds


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://app.example", True),
        ("http://127.0.0.1:8080", True),
        ("http://localhost:8080", True),
        ("http://[::1]:8080", True),
        ("http://localhost:5173", False),
        ("https://evil.example", False),
    ],
)
async def test_a_browser_may_come_from_the_gateway_and_the_allowed_origins(
    web: httpx.AsyncClient, origin: str, allowed: bool
) -> None:
    asked = {"access-control-request-method": "PUT", "access-control-request-headers": "x-test"}

    response = await web.get("/boats/1", headers={"origin": origin})
    preflight = await web.options("/boats/1", headers={"origin": origin, **asked})

    expected = origin if allowed else None
    assert response.headers.get("access-control-allow-origin") == expected
    assert "origin" in response.headers["vary"].lower()
    assert preflight.headers.get("access-control-allow-origin") == expected
    assert preflight.is_success == allowed


@pytest.mark.parametrize("origin", ["https://app.example", "http://127.0.0.1:8080", None])
async def test_a_page_of_ours_and_a_program_may_change_something(
    web: httpx.AsyncClient, origin: str | None
) -> None:
    response = await web.post("/boats", headers={"origin": origin} if origin else {})

    assert problem(response).code == "malformed_request"


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://test.evil.example", "null", "http://[", ""]
)
async def test_a_page_of_another_origin_may_change_nothing(
    web: httpx.AsyncClient, origin: str
) -> None:
    response = await web.post("/boats", headers={"origin": origin, "content-type": "text/plain"})

    assert (response.status_code, problem(response).code) == (403, "forbidden")


# -- by which name


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "127.0.0.1:1", ""])
async def test_a_request_by_a_name_that_is_not_ours_is_misdirected(
    web: httpx.AsyncClient, host: str
) -> None:
    response = await web.get("/boats/1", headers={"host": host})

    assert (response.status_code, problem(response).code) == (421, "misdirected")


async def test_a_page_that_chose_its_name_is_not_ours(web: httpx.AsyncClient) -> None:
    headers = {"host": "evil.example:8080", "origin": "http://evil.example:8080"}

    assert (await web.post("/boats", headers=headers)).status_code == 421


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_probes_come_by_any_name(web: httpx.AsyncClient, path: str) -> None:
    assert problem(await web.get(path, headers={"host": "10.0.0.7"})).code == "not_found"
