"""Certificates: how servers of others are verified."""

from functools import cache
from ssl import SSLContext

import httpx


@cache
def ssl_context() -> SSLContext:
    """Verification of servers: made once for all transports, as that takes tens of milliseconds."""
    return httpx.create_ssl_context(trust_env=False)
