"""Allow-list of hosts that may be fetched from. Pure."""

from collections.abc import Iterable

import httpx

from heliograph.runtime.fetching.errors import HostNotListed, TargetRefused
from heliograph.runtime.fetching.fetch_targets import FetchTarget, parse_url


class FetchHosts:
    """
    Hosts that may be fetched from: `host` (https), `host:port`, or `*.domain` with all below it.

    Args:
        own: Servers that an operator named; the hosts below a `*.domain` are not known by name, so they
            have to be public. Those with a port may speak plain http.
        public: Hosts on the internet.
    """

    def __init__(self, *, own: Iterable[str] = (), public: Iterable[str] = ()) -> None:
        named = list(own)
        self._own = frozenset(each for each in named if not each.startswith("*."))
        self._public = (*public, *(each for each in named if each.startswith("*.")))

    def check(self, text: str) -> FetchTarget:
        """
        An address as it will be asked for.

        Raises:
            HostNotListed: The host of the URL is not listed.
            TargetRefused: The text is not a URL, or the URL has a user or a password.
        """
        url = parse_url(text)
        if url.userinfo:
            raise TargetRefused("the URL has a user or a password")
        authority = url.netloc.decode()  # without a port that is the scheme's own
        if self._is_own(url, authority):
            return FetchTarget(url, is_own=True)
        if url.scheme == "https" and any(_covers(pattern, authority) for pattern in self._public):
            return FetchTarget(url, is_own=False)
        raise HostNotListed(f"nothing is fetched from {authority}")

    def _is_own(self, url: httpx.URL, authority: str) -> bool:
        if url.scheme == "https":
            return authority in self._own
        return url.scheme == "http" and (authority if url.port else f"{authority}:80") in self._own


def _covers(pattern: str, authority: str) -> bool:
    """`*.fal.media` is `fal.media`, too."""
    if pattern.startswith("*."):
        return authority == pattern[2:] or authority.endswith(pattern[1:])
    return authority == pattern
