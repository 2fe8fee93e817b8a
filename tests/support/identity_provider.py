"""An identity provider as a process: `oidc-provider-mock`, at which people are made by HTTP."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.support.servers import free_port
from tests.support.timeouts import TIMEOUT


class IdentityProviderProcess:
    """A provider that signs in whoever is named."""

    def __init__(self, port: int) -> None:
        self.issuer = f"http://127.0.0.1:{port}"

    def add(self, person: str, **claims: Any) -> None:
        """Somebody with claims, in place of who had that name before."""
        httpx.put(f"{self.issuer}/users/{person}", json=claims).raise_for_status()


@contextmanager
def identity_provider() -> Iterator[IdentityProviderProcess]:
    """A running provider, which insists on a nonce."""
    port = free_port()
    command = [sys.executable, "-m", "oidc_provider_mock", "-p", str(port), "-n", "true"]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        provider = IdentityProviderProcess(port)
        _wait(provider)
        yield provider
    finally:
        running.terminate()
        running.wait(10)


def _wait(provider: IdentityProviderProcess) -> None:
    end = time.monotonic() + TIMEOUT
    while True:
        try:
            httpx.get(f"{provider.issuer}/.well-known/openid-configuration").raise_for_status()
        except httpx.HTTPError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return
