"""Fetch targets: URLs that are valid, and whose host an operator named or not. Pure."""

from typing import NamedTuple

import httpx

from heliograph.runtime.fetching.errors import TargetRefused


class FetchTarget(NamedTuple):
    """An address that may be fetched."""

    url: httpx.URL
    is_own: bool  #: an operator named the host: it may be in any network


def parse_url(text: str) -> httpx.URL:
    """An address. Raises TargetRefused."""
    try:
        url = httpx.URL(text)
        url.host  # noqa: B018  # decoded when it is asked for: some names can be written, and not read
    except (httpx.InvalidURL, UnicodeError):
        raise TargetRefused("it is no valid URL") from None
    return url
