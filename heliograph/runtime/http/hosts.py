"""
Host allow-list: the names this service answers to, and the web pages that may use it.

A page chooses the name under which a browser reaches us: by DNS rebinding, any name leads to a
loopback address. So neither a `Host` nor an `Origin` that equals it proves anything; both are compared
with a list of our own.
"""

from functools import lru_cache

from heliograph.runtime.authorities import (
    Authority,
    Origin,
    is_loopback,
    origin_of,
    parse_authority,
    parse_origin,
)
from heliograph.runtime.settings import ServiceSettings

_SCHEMES = ("http", "https")
_CACHED = 256  #: hosts
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_HTTP = 80  #: the port that a loopback name without one means


class HostAllowList:
    """The hosts and origins of one service process."""

    def __init__(self, settings: ServiceSettings) -> None:
        urls = {origin for url in settings.public_urls if (origin := origin_of(url))}
        public = {name for origin in urls for name in _loopback_names(origin)}
        named = {origin for host in settings.allowed_hosts for origin in _origins_of(host)}
        self._hosts = {origin.authority for origin in public | named}
        self._origins = public | named
        self._allowed = frozenset(settings.allowed_origins)
        self._own = {settings.host, settings.reach_host}
        self._ports = settings.known_ports
        #: cached: every request asks, and nearly all with the same few names
        self.is_allowed_host = lru_cache(maxsize=_CACHED)(self._is_allowed_host)

    def _is_allowed_host(self, host: str, bound_port: int | None) -> bool:
        """
        Whether a request with this `Host` means us.

        Args:
            bound_port: The port the request came in on; the settings may have 0 for a free one.
        """
        authority = parse_authority(host)
        if authority is None:
            return False
        return bool(self._hosts & _spellings(host)) or self._is_local(authority, bound_port)

    def is_allowed_origin(self, text: str | None, bound_port: int | None) -> bool:
        """Whether a request has no `Origin`, that of one of our pages, or an allowed one."""
        return text is None or text in self._allowed or self.is_own_origin(text, bound_port)

    def is_own_origin(self, text: str, bound_port: int | None) -> bool:
        """Whether an `Origin` is of a page that this deployment serves."""
        origin = parse_origin(text)
        if origin is None:
            return False
        is_local = origin.scheme == "http" and self._is_local(origin.authority, bound_port)
        return is_local or origin in self._origins

    def _is_local(self, authority: Authority, bound_port: int | None) -> bool:
        """A loopback name, the address that is bound, or the advertised one, with one of our ports."""
        port = _HTTP if authority.port is None else authority.port
        is_port_ours = port == bound_port or port in self._ports
        return is_port_ours and (authority.host in self._own or is_loopback(authority.host))


def _loopback_names(origin: Origin) -> set[Origin]:
    """An origin under every name of the loopback interface if it has one of them, else as it is."""
    if not is_loopback(origin.authority.host):
        return {origin}
    names = (origin.authority.host, *_LOOPBACK)
    return {Origin(origin.scheme, Authority(name, origin.authority.port)) for name in names}


def _origins_of(host: str) -> set[Origin]:
    """Whatever scheme a proxy in front of us speaks."""
    return {origin for scheme in _SCHEMES if (origin := parse_origin(f"{scheme}://{host}"))}


def _spellings(host: str) -> set[Authority]:
    """A host with its port, and without it where a scheme leaves it out."""
    return {origin.authority for origin in _origins_of(host)}
