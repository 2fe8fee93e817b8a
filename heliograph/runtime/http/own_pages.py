"""
Own pages: whether a browser makes a request for a page of this deployment (protection against CSRF).

By Fetch Metadata, which pages cannot forge, and by `Origin` where a browser sends none. Programs
that are no browsers send neither.
"""

from collections.abc import Callable

from starlette.requests import HTTPConnection

from heliograph.runtime.http.hosts import HostAllowList

_OF_THE_SAME_ORIGIN = frozenset({"same-origin", "none"})  #: `none`: a user typed the address


def is_own_page(
    fetch_site: str | None, origin: str | None, is_own_origin: Callable[[str], bool]
) -> bool:
    """
    Whether a request is of a page of ours, or of no page.

    Args:
        fetch_site: `Sec-Fetch-Site` of the request.
        origin: `Origin` of the request.
        is_own_origin: Whether pages of an origin are ours.
    """
    if fetch_site in _OF_THE_SAME_ORIGIN:
        return True
    return is_own_origin(origin) if origin is not None else fetch_site is None


class OwnPages:
    """The pages of one deployment."""

    def __init__(self, allowed: HostAllowList) -> None:
        self._allowed = allowed

    def has_made(self, request: HTTPConnection) -> bool:
        """Whether a request is of one of the pages, or of no page."""
        port = (request.scope.get("server") or (None, None))[1]

        def is_own_origin(origin: str) -> bool:
            return self._allowed.is_own_origin(origin, port)

        headers = request.headers
        return is_own_page(headers.get("sec-fetch-site"), headers.get("origin"), is_own_origin)
