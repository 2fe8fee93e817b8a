"""Entries of a response, one for each output, and what is looked for in it."""

from collections.abc import Collection
from dataclasses import dataclass

from heliograph.contracts.models import Media


@dataclass(frozen=True, kw_only=True)
class OutputEntry:
    """One entry of an output, as the provider filled it."""

    index: int  #: the provider's
    url: str | None = None
    content: bytes | None = None
    flagged: bool = False  #: the provider's content filter flagged it
    is_odd: bool = False  #: something is there that is not a file
    is_refused: bool = False  #: a file is there, of another media type than the model makes

    @property
    def is_empty(self) -> bool:
        return self.url is None and self.content is None


@dataclass(frozen=True, kw_only=True)
class Search:
    """Search parameters for outputs of a response."""

    media: Media
    location: str | None = None  #: path of the outputs in the model's entry, as `result.images`
    base_url: str | None = None  #: of the provider, for relative addresses
    sent: Collection[str] = ()  #: addresses that we sent, which come back in many a response
