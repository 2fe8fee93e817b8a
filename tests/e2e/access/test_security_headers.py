"""Every route of every service answers with security headers, whoever asks."""

import httpx
import pytest

from tests.support.route_requests import furnished_place, request_to
from tests.support.routes import ServiceRoute, every_route
from tests.support.stack import Stack

ROUTES = [route for route in every_route() if not route.is_live]
SAID_OTHERWISE = {"/v1/assets/{asset}/content", "/heliograph{part}"}  #: pages of any origin load it


async def _headers(
    http: httpx.AsyncClient, request: httpx.Request, credentials: dict[str, str]
) -> httpx.Headers:
    request.headers.update(credentials)
    response = await http.send(request, stream=True)
    await response.aclose()
    return response.headers


def _missing(route: ServiceRoute, headers: httpx.Headers) -> set[str]:
    expected = {
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-resource-policy": "same-origin",
    }
    if route.path in SAID_OTHERWISE:
        expected["cross-origin-resource-policy"] = headers["cross-origin-resource-policy"]
    wrong = {name for name, value in expected.items() if headers.get(name) != value}
    if "frame-ancestors 'none'" not in headers.get("content-security-policy", ""):
        wrong.add("content-security-policy")
    is_kept = "no-store" not in headers.get("cache-control", "") and "etag" not in headers
    return wrong | ({"cache-control"} if is_kept and route.path.startswith("/v1/") else set())


@pytest.mark.parametrize("is_signed_in", [False, True], ids=["without a key", "with a key"])
async def test_every_route_answers_with_security_headers(
    keyed: Stack, http: httpx.AsyncClient, admin: dict[str, str], is_signed_in: bool
) -> None:
    place = await furnished_place(keyed, http, admin)
    credentials = admin if is_signed_in else {}

    missing = {
        str(route): lacks
        for route in ROUTES
        if (
            lacks := _missing(
                route, await _headers(http, request_to(keyed, route, place), credentials)
            )
        )
    }

    assert missing == {}
