"""Certificates of httpx, read once in a test process: each of its clients takes 25 ms to read them."""

import os
import ssl
from functools import cache
from typing import Any

import httpx

_create = httpx.create_ssl_context


@cache
def _shared(_file: str | None, _folder: str | None, trust_env: bool) -> ssl.SSLContext:
    return _create(trust_env=trust_env)


def _create_or_share(
    verify: Any = True, cert: Any = None, trust_env: bool = True
) -> ssl.SSLContext:
    """A context of its own only for a client that has its own certificates."""
    if verify is True and cert is None:
        variables = (os.environ.get(name) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"))
        return _shared(*variables, trust_env)
    return _create(verify=verify, cert=cert, trust_env=trust_env)


def share_certificates() -> None:
    """Let all clients with the same default certificates share them: no client changes them."""
    transports: Any = httpx._transports.default
    transports.create_ssl_context = _create_or_share
