"""Authorities of URLs: host and port as `Host` headers, origins and settings write them."""

import ipaddress
import re
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")  #: of apps, too, as `capacitor://localhost`
_ELSEWHERE = frozenset("/\\?#@*, \t")  #: characters that no host and port have


class Authority(NamedTuple):
    """A host with its port; null: the default port of the scheme."""

    host: str  #: in small letters, IPv6 without brackets
    port: int | None


class Origin(NamedTuple):
    """Origin of a page."""

    scheme: str
    authority: Authority


def parse_authority(text: str) -> Authority | None:
    """`host`, `host:port` or `[::1]:port`; None for anything else."""
    if _ELSEWHERE.intersection(text):
        return None
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    return Authority(host, port) if host else None


def parse_origin(text: str) -> Origin | None:
    """`https://host:port`; None for anything else. A default port is left out."""
    scheme, _, place = text.partition("://")
    authority = parse_authority(place)
    if authority is None or scheme not in _DEFAULT_PORTS:
        return None
    if authority.port == _DEFAULT_PORTS[scheme]:
        authority = Authority(authority.host, None)
    return Origin(scheme, authority)


def origin_of(url: str) -> Origin | None:
    """The origin of an address on the web; None if the address has none."""
    parts = urlsplit(url)
    return parse_origin(f"{parts.scheme}://{parts.netloc}")


# -- as settings write them: what could never match is refused, with ValueError


def checked_host(text: str) -> str:
    """A host, in small letters."""
    if parse_authority(text) is None:
        raise ValueError(
            f"{_shown(text)} is not a host: write `name` or `name:port`, without scheme and path"
        )
    return text.lower()


def checked_host_pattern(text: str) -> str:
    """A host, or `*.` and a domain, in small letters."""
    host = checked_host(text.removeprefix("*."))
    if host.endswith(":443"):
        raise ValueError(f"{_shown(text)}: the port of https is left out, write {text[:-4]!r}")
    return "*." + host if text.startswith("*.") else host


def checked_origin(text: str) -> str:
    """An origin as browsers send it; a slash at its end is cut."""
    origin = text.rstrip("/")
    scheme, _, place = origin.partition("://")
    if origin in ("*", "null"):
        raise ValueError(
            f"{_shown(text)} is any page: name the origin of each, as `https://app.example`"
        )
    if not _SCHEME.fullmatch(scheme.lower()) or parse_authority(place) is None:
        form = "`https://app.example` or `http://localhost:5173`, without a path"
        raise ValueError(f"{_shown(text)} is not an origin: write {form}")
    if origin != origin.lower():
        raise ValueError(f"{_shown(text)}: browsers send small letters, write {origin.lower()!r}")
    port = _DEFAULT_PORTS.get(scheme)
    if port and place.endswith(f":{port}"):
        plain = origin.removesuffix(f":{port}")
        raise ValueError(
            f"{_shown(text)}: browsers leave the port of {scheme} out, write {plain!r}"
        )
    return origin


def checked_url(text: str) -> str:
    """An address of a service, with a path or without."""
    parts = _web_address(text)
    if parts.query or parts.fragment:
        raise ValueError("it has a query or a fragment: write `https://host/path`")
    return text


def checked_endpoint(text: str) -> str:
    """The address of a store: scheme, host and port. A slash at its end is cut."""
    if urlsplit(checked_public_endpoint(text)).path:
        raise ValueError("it has a path: a store is at the root of its host")
    return text.rstrip("/")


def checked_public_endpoint(text: str) -> str:
    """The address, or the path of a proxy that leads there, without a final slash."""
    parts = _web_address(text)
    if parts.query or parts.fragment:
        raise ValueError(
            "it has a query or a fragment: write `https://host` or `https://host/path`"
        )
    return text.rstrip("/")


def _shown(text: str) -> str:
    """A setting in an error, unless there may be a password in it."""
    return "this" if "@" in text else repr(text)


def _web_address(text: str) -> SplitResult:
    """Parts of a URL. The error for a wrong value does not show it, as it may contain a password."""
    form = "write `https://host` or `http://host:port`"
    try:
        parts = urlsplit(text)
    except ValueError:
        raise ValueError(f"not a valid URL: {form}") from None
    if "@" in parts.netloc:
        raise ValueError(f"it has a user or a password: {form}")
    if parts.scheme not in _DEFAULT_PORTS or parse_authority(parts.netloc) is None:
        raise ValueError(f"not an http or https URL: {form}")
    return parts


def host_and_port(host: str, port: int) -> str:
    """Host and port as a URL has them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_loopback(host: str) -> bool:
    """Whether a host is a loopback address or name, without asking a name server."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
