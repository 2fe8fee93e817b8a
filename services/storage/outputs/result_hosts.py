"""Allow-list of hosts that results may be fetched from (protection against server-side request forgery)."""

from collections.abc import Iterable

import httpx

from heliograph.contracts.errors import OutputRefused


class ResultHosts:
    """
    Hosts of results.

    Args:
        hosts: Where results may come from: `host` (https), `host:port`, or `*.domain`.
    """

    def __init__(self, hosts: Iterable[str]) -> None:
        self._hosts = tuple(hosts)

    def check(self, url: str) -> httpx.URL:
        """The address as it will be called. Raises OutputRefused unless results may come from it."""
        try:
            address = httpx.URL(url)
        except httpx.InvalidURL:
            raise OutputRefused("the provider returned no valid result URL") from None
        if address.userinfo or not self._is_listed(address):
            raise OutputRefused(
                f"results are not fetched from {address.netloc.decode()};"
                " an operator can name it in HELIOGRAPH_PROVIDER_HOSTS"
            )
        return address

    def _is_listed(self, address: httpx.URL) -> bool:
        place = address.netloc.decode()  # without a port that is the scheme's own
        if address.scheme == "https":
            return any(_covers(pattern, place) for pattern in self._hosts)
        return address.scheme == "http" and (
            (place if address.port else f"{place}:80") in self._hosts
        )


def _covers(pattern: str, place: str) -> bool:
    """`*.fal.media` is `fal.media`, too."""
    if pattern.startswith("*."):
        return place == pattern[2:] or place.endswith(pattern[1:])
    return place == pattern
