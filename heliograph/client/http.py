"""HTTP connection of the client, with retries and translation of errors."""

import os
import secrets
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import stamina

from heliograph.client.credentials import BearerCredentials
from heliograph.client_errors import (
    ClientError,
    ConnectionFailed,
    RequestRejected,
)
from heliograph.contracts.problems import Problem
from heliograph.encodable_text import check_key, check_sendable
from heliograph.service_urls import proxy_address, service_address, unreachable

T = TypeVar("T")

_TIMEOUT = httpx.Timeout(30.0, connect=5.0)
_TRIES = 5  #: of a request whose response is lost, or that comes too early, and of a download


class GatewayConnection:
    """Connection to one gateway for one project. `Client` documents the arguments."""

    def __init__(
        self,
        url: str | None = None,
        *,
        project: str | None = None,
        proxy: str | None = None,
        key: str | None = None,
    ) -> None:
        base = url or os.environ.get("HELIOGRAPH_PUBLIC_URL") or "http://127.0.0.1:8080"
        self.url = service_address(base)
        self.project = project or os.environ.get("HELIOGRAPH_PROJECT") or "demo"
        self._proxy = proxy_address(proxy or os.environ.get("HELIOGRAPH_PROXY"))
        self._credentials = BearerCredentials(key)
        self._http = httpx.AsyncClient(
            base_url=self.url, timeout=_TIMEOUT, trust_env=False, proxy=self._proxy
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _send(self, method: str, path: str, **options: Any) -> Any:
        """One request, repeated on a lost connection and on 503: all of ours are idempotent."""
        check_sendable(options.get("json"))
        check_sendable(options.get("params"))
        # of requests to the gateway only: those to stores are signed by their addresses
        options["headers"] = {**options.get("headers", {}), **self._credentials.headers()}

        async def send() -> Any:
            try:
                response = await self._http.request(method, path, **options)
            except httpx.TransportError as error:
                raise TransientFailure(unreachable(self.url, error)) from error
            if response.is_success:
                return _content(response)
            if response.status_code == httpx.codes.SERVICE_UNAVAILABLE:
                raise TransientFailure(_refusal(response))
            raise _refusal(response)

        return await repeat(send)


class TransientFailure(Exception):
    """A failure after which the request is repeated."""

    def __init__(self, failure: ClientError) -> None:
        super().__init__(str(failure))
        self.failure = failure


async def repeat(attempt: Callable[[], Awaitable[T]]) -> T:
    """Retry up to `_TRIES` times with backoff; raises the failure of the last attempt."""
    retrying = stamina.AsyncRetryingCaller(
        attempts=_TRIES, timeout=None, wait_initial=0.2, wait_jitter=0.1
    )
    try:
        return await retrying(TransientFailure, attempt)
    except TransientFailure as last:
        raise last.failure from last.__cause__


def idempotency_key(key: str | None) -> dict[str, str]:
    if key is not None:
        check_key(key)
    return {"Idempotency-Key": key or secrets.token_urlsafe(18)}


def _refusal(response: httpx.Response) -> ClientError:
    try:
        return RequestRejected(Problem.model_validate(response.json()))
    except ValueError:
        return _no_gateway(response)


def _content(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        raise _no_gateway(response) from None


def _no_gateway(response: httpx.Response) -> ConnectionFailed:
    place = response.request.url.copy_with(query=None)
    return ConnectionFailed(
        f"{place} answered {response.status_code} and is not a Heliograph gateway"
    )
