"""
Cookies of sessions: scripts cannot read them, and they count only in requests of our own pages.

Under https the cookie is bound to the host, and travels under https only. Plain http, as on a loopback
address, has neither: there the name holds the port, as browsers keep one jar for all ports of a host.
"""

from datetime import datetime
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import Response

from heliograph.runtime.clock import now
from heliograph.runtime.http.hosts import HostAllowList
from heliograph.runtime.http.own_pages import OwnPages
from heliograph.runtime.settings import ServiceSettings

_HTTP = 80  #: the port of an address without one


def cookie_name(gateway_url: str) -> str:
    """The name of the cookie where browsers know the gateway by this address."""
    parts = urlsplit(gateway_url)
    return "__Host-heliograph" if parts.scheme == "https" else f"heliograph-{parts.port or _HTTP}"


class SessionCookies:
    """The cookies of sessions, in requests and responses. A suffix names one beside that of the session."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._name = cookie_name(settings.gateway_url)
        self._is_https = urlsplit(settings.gateway_url).scheme == "https"
        self.pages = OwnPages(HostAllowList(settings))

    def token(self, request: HTTPConnection) -> str | None:
        """
        The token of a request's session; None without one.

        A cookie of a live connection, or of a page that is not ours, is as none: browsers send it
        along with requests of any page.
        """
        if request.scope["type"] != "http" or not self.pages.has_made(request):
            return None
        return self.value(request)

    def value(self, request: HTTPConnection, *, suffix: str = "") -> str | None:
        """The value of a cookie, whichever page made the request."""
        return request.cookies.get(self._named(suffix))

    def set_session(self, response: Response, token: str, expires_at: datetime | None) -> None:
        """Set the cookie with the token of a session, for the life of the session."""
        rest = None if expires_at is None else max(0, int((expires_at - now()).total_seconds()))
        self.set(response, token, seconds=rest)

    def set(self, response: Response, value: str, *, seconds: int | None, suffix: str = "") -> None:
        """`Lax`, so that a browser that comes back from an identity provider sends it."""
        name, secure = self._named(suffix), self._is_https
        response.set_cookie(name, value, seconds, secure=secure, httponly=True, samesite="lax")

    def clear(self, response: Response, *, suffix: str = "") -> None:
        """Delete the cookie in the browser."""
        name, secure = self._named(suffix), self._is_https
        response.delete_cookie(name, secure=secure, httponly=True, samesite="lax")

    def _named(self, suffix: str) -> str:
        return f"{self._name}-{suffix}" if suffix else self._name
