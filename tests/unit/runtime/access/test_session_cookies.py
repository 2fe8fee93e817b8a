"""The cookie of a session is as narrow as the connection allows."""

from datetime import timedelta
from typing import Any

import pytest
from starlette.requests import HTTPConnection
from starlette.responses import Response

from heliograph.runtime.access.session_cookies import SessionCookies
from heliograph.runtime.clock import now
from heliograph.runtime.settings import ServiceSettings

HTTPS = "https://heliograph.example"


def cookies(public_url: str | None) -> SessionCookies:
    return SessionCookies(
        ServiceSettings.model_validate(
            {"public_url": public_url, "allowed_origins": ["https://app.example"]}
        )
    )


def set_cookie(public_url: str | None) -> set[str]:
    response = Response()
    cookies(public_url).set_session(response, "secret", now() + timedelta(hours=1))
    return set(response.headers["set-cookie"].split("; "))


def connection(name: str, kind: str = "http", **headers: str) -> HTTPConnection:
    fields = {"host": "heliograph.example", "cookie": f"{name}=secret", **headers}
    raw = [(n.replace("_", "-").encode(), v.encode()) for n, v in fields.items()]
    scope: dict[str, Any] = {"type": kind, "headers": raw, "server": ("127.0.0.1", 8080)}
    return HTTPConnection(scope)


def test_under_https_it_is_bound_to_the_host() -> None:
    attributes = set_cookie(HTTPS)

    assert {"__Host-heliograph=secret", "Path=/", "HttpOnly", "Secure", "SameSite=lax"} < attributes
    assert not any(each.startswith("Domain") for each in attributes)


def test_on_a_loopback_address_it_is_named_after_the_port() -> None:
    attributes = set_cookie(None)

    assert {"heliograph-8080=secret", "Path=/", "HttpOnly", "SameSite=lax"} < attributes
    assert "Secure" not in attributes


def test_it_is_kept_no_longer_than_the_session() -> None:
    [age] = [each for each in set_cookie(HTTPS) if each.startswith("Max-Age=")]

    assert 3_590 <= int(age.removeprefix("Max-Age=")) <= 3_600


def test_it_is_read_from_requests_of_own_pages() -> None:
    own = connection("__Host-heliograph", origin=HTTPS, sec_fetch_site="same-site")

    assert cookies(HTTPS).token(own) == "secret"


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(connection("heliograph-8080"), id="name of plain http"),
        pytest.param(connection("__Host-heliograph", "websocket"), id="live connection"),
        pytest.param(
            connection("__Host-heliograph", origin="https://app.example"), id="page of an app"
        ),
        pytest.param(
            connection("__Host-heliograph", sec_fetch_site="cross-site"), id="link on another site"
        ),
    ],
)
def test_anywhere_else_it_is_as_none(request_: HTTPConnection) -> None:
    assert cookies(HTTPS).token(request_) is None
