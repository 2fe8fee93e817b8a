"""What we use of fal-client that it never promised, and every way in which it may fail."""

import inspect
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import fal_client
import fal_client.auth
import fal_client.client
import httpx
import pytest

from services.render.providers.fal.client import TRANSLATIONS, FalClient, translated
from services.render.providers.http_errors import ConnectFailed, HttpErrorStatus, ResponseLost


def every_error() -> Iterator[type[Exception]]:
    """The exceptions that fal-client defines."""
    modules: list[ModuleType] = [fal_client.client, fal_client.auth]
    for module in modules:
        for _, member in inspect.getmembers(module, inspect.isclass):
            if issubclass(member, Exception) and member.__module__.startswith("fal_client"):
                yield member


@pytest.fixture
def client() -> FalClient:
    return FalClient("a-key", "http://127.0.0.1:1")


def test_every_error_of_fal_client_is_translated() -> None:
    assert set(every_error()) == set(TRANSLATIONS)


@pytest.mark.parametrize("error", list(every_error()))
def test_an_error_of_fal_client_does_not_get_through(error: type[Exception]) -> None:
    response = httpx.Response(418)
    thrown: dict[str, Exception] = {
        "FalClientHTTPError": fal_client.FalClientHTTPError("no", 418, {}, response),
        "FalClientTimeoutError": fal_client.FalClientTimeoutError(1.0),
    }

    with pytest.raises((ConnectFailed, ResponseLost, HttpErrorStatus)), translated():
        raise thrown.get(error.__name__) or error("no")


@pytest.mark.parametrize("error", [KeyError("request_id"), ValueError("Unknown status: CANCELED")])
def test_an_unparsable_response_is_a_lost_response(error: Exception) -> None:
    with pytest.raises(ResponseLost), translated():
        raise error


async def test_its_requests_go_through_the_client_that_we_override(client: FalClient) -> None:
    stock = fal_client.AsyncClient(key="a-key")
    ours, theirs = await client._client, await stock._client

    assert isinstance(ours, httpx.AsyncClient)
    assert isinstance(theirs, httpx.AsyncClient)
    assert ours.headers["Authorization"] == theirs.headers["Authorization"] == "Key a-key"
    assert ours.headers["User-Agent"] == theirs.headers["User-Agent"]
    handle = await client.get_handle("fal-ai/flux/schnell", "some-id")
    assert handle.client is ours


async def test_it_still_names_its_hosts_where_we_read_them(client: FalClient) -> None:
    handle = await client.get_handle("fal-ai/flux/schnell", "some-id")

    assert handle.response_url == "https://queue.fal.run/fal-ai/flux/requests/some-id"
    assert handle.status_url == f"{handle.response_url}/status"
    assert fal_client.client.QUEUE_URL_FORMAT == "https://queue.fal.run/"
    assert fal_client.client.REST_URL == "https://rest.fal.ai"
    assert fal_client.client.CDN_URL == "https://v3.fal.media"


def test_the_transport_to_its_other_domain_still_takes_a_transport() -> None:
    """Its pool is what limits our connections."""
    pool = httpx.AsyncHTTPTransport()

    transport = fal_client.client.AsyncBackupDomainTransport(transport=pool)

    assert isinstance(transport, httpx.AsyncBaseTransport)
    client: Any = transport._client
    assert client._transport is pool


async def test_it_still_lets_through_what_it_does_not_know() -> None:
    """Its loop repeats httpx's errors and its own; ours must end it at once."""
    sent = []

    class Silent(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            sent.append(request)
            raise ResponseLost("silence")

    async with httpx.AsyncClient(transport=Silent()) as http:
        with pytest.raises(ResponseLost):
            await fal_client.client._async_maybe_retry_request(http, "POST", "https://fal.run/a")

    assert len(sent) == 1


async def test_nothing_is_sent_to_a_host_that_is_not_fals(client: FalClient) -> None:
    with pytest.raises(ConnectFailed, match=r"evil\.example"):
        await client.fetch("https://evil.example/fal-ai/flux/requests/1")
