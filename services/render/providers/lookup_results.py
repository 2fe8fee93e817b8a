"""Results of looking a request up whose answer was lost."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Found:
    """The provider has the request."""

    request_id: str


@dataclass(frozen=True, kw_only=True)
class Ambiguous:
    """
    Requests that say all that was sent. The one that is looked for is among them, if it is to be
    seen; those that an attempt is known to have made are others.
    """

    request_ids: tuple[str, ...]


@dataclass(frozen=True)
class NotSubmitted:
    """The provider surely never accepted it."""


@dataclass(frozen=True)
class Unknown:
    """It is not to be seen, which proves nothing."""


Sighting = Found | Ambiguous | NotSubmitted | Unknown
