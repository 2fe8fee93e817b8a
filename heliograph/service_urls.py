"""URLs of services: validated before use, and named when a connection fails."""

from ssl import SSLError
from urllib.parse import urlsplit

import httpx

from heliograph.client_errors import AddressRefused, ConnectionFailed


def service_address(text: str) -> str:
    """An address without its last slash. Raises AddressRefused."""
    _check(text, "address")
    return text.rstrip("/")


def proxy_address(text: str | None) -> str | None:
    """The address of a proxy, or None. Raises AddressRefused."""
    if text:
        _check(text, "proxy")
    return text or None


def _check(text: str, what: str) -> None:
    try:
        _ = urlsplit(text).port  # raises where brackets or digits are wrong
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError) as error:
        raise AddressRefused(f"{what} {text!r}: {error}") from error
    if url.scheme not in ("http", "https"):
        reason = f"it begins with neither http:// nor https:// ({url.scheme or 'nothing'})"
        raise AddressRefused(f"{what} {text!r}: {reason}")
    if not url.host:
        raise AddressRefused(f"{what} {text!r}: it names no host")


def unreachable(url: str, error: Exception) -> ConnectionFailed:
    """The error of an unreachable URL, without its query, which may hold a signature."""
    place = httpx.URL(url).copy_with(query=None, fragment=None, userinfo=b"")
    return ConnectionFailed(f"{place} does not answer: {_reason(error)}")


def _reason(error: Exception) -> str:
    """The deepest cause that has a message."""
    reasons = [str(error)]
    cause = error.__cause__ or error.__context__
    while cause:
        if isinstance(cause, OSError | SSLError) and str(cause):
            reasons.append(str(cause))
        cause = cause.__cause__ or cause.__context__
    texts = [reason for reason in reasons if reason]
    return texts[-1] if texts else type(error).__name__
