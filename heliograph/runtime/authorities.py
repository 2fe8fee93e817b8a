"""Authorities of URLs: host and port as `Host` headers, origins and settings write them."""

import ipaddress
from typing import NamedTuple
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}
_ELSEWHERE = frozenset("/\\?#@*, \t")  #: characters that no host and port have


class Authority(NamedTuple):
    """A host with its port; null: the default port of the scheme."""

    host: str  #: in small letters, IPv6 without brackets
    port: int | None


class Origin(NamedTuple):
    """Where a page comes from."""

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
    """`https://host:port`; None for anything else. A port that need not be said is left out."""
    scheme, _, place = text.partition("://")
    authority = parse_authority(place)
    if authority is None or scheme not in _DEFAULT_PORTS:
        return None
    if authority.port == _DEFAULT_PORTS[scheme]:
        authority = Authority(authority.host, None)
    return Origin(scheme, authority)


def origin_of(url: str) -> Origin | None:
    """The origin of an address on the web; None for what is none."""
    parts = urlsplit(url)
    return parse_origin(f"{parts.scheme}://{parts.netloc}")


def checked_host(text: str) -> str:
    """A host as settings write it, in small letters. Raises ValueError for what is none."""
    if parse_authority(text) is None:
        raise ValueError(
            f"{text!r} is no host: write `name` or `name:port`, without scheme and path"
        )
    return text.lower()


def is_loopback(host: str) -> bool:
    """Whether a host is this machine's own, whatever a name server says."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
