"""Results of a lookup of a request whose response was lost."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Found:
    """The provider has the request."""

    request_id: str


@dataclass(frozen=True, kw_only=True)
class Ambiguous:
    """Candidates: requests with the same content. Exclude those that known attempts own."""

    request_ids: tuple[str, ...]


@dataclass(frozen=True)
class NotSubmitted:
    """The provider surely never accepted it."""


@dataclass(frozen=True)
class Unknown:
    """The lookup found no request, which proves nothing."""


LookupResult = Found | Ambiguous | NotSubmitted | Unknown
