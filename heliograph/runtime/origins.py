"""
Origins: the web pages whose browsers may change something here, or listen.

A browser sends a page's requests anywhere, and says whose they are: whatever is open in another tab
could otherwise give orders to a service on this machine. Programs say nothing of the kind, and may.
"""

from collections.abc import Container, Mapping


def is_welcome(headers: Mapping[str, str], allowed: Container[str]) -> bool:
    """Whether a request comes from no page, from one of our own, or from one of the allowed."""
    origin = headers.get("origin")
    if origin is None or origin in allowed:
        return True
    return origin.partition("://")[2] == headers.get("host")
