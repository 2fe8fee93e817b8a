"""Public URLs that callers give: whether their form is valid. Pure."""

import ipaddress
from urllib.parse import urlsplit


def url_problem(url: str) -> str | None:
    """Why a URL is not valid; None when its form is valid."""
    if not url.isprintable() or any(c.isspace() for c in url):
        return "has characters that a URL cannot have"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        return f"is not a valid URL: {error}"
    if parts.scheme not in ("http", "https"):
        return "is not an http or https URL"
    if not (host or "").strip("."):
        return "names no host"
    return _mistake_in_host(host or "", is_literal="[" in parts.netloc)


def _mistake_in_host(host: str, *, is_literal: bool) -> str | None:
    try:
        if is_literal:
            ipaddress.IPv6Address(host.partition("%")[0])
        else:
            host.removesuffix(".").encode("idna").decode("idna")
    except (UnicodeError, ValueError):
        return f"names no host that can exist: {host}"
    return None
