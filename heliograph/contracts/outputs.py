"""Outputs of a request, as a provider gave them, and those that a job's assets lack."""

from heliograph.contracts.assets import Asset
from heliograph.contracts.tolerant_reader import Tolerant


class Withheld(Tolerant):
    """An output that the job's assets lack."""

    index: int  #: the provider's
    reason: str  #: a `code`, as of an error: `content_policy`, `no_output`, …
    asset: Asset | None = None  #: where it is stored all the same; it has no address here


class Output(Tolerant):
    """One result: at the provider (`url`), or already at storage, as it came in a response."""

    url: str | None = None
    inline: str | None = None  #: `<job>/<sha256>`: storage has the bytes, for this job alone
    upload: str | None = None  #: `sha256:<hex>`, among the uploads; of jobs of earlier versions
    index: int | None = None  #: the provider's; null: its place in the list
    flagged: bool = False  #: by the provider: it is stored, and withheld
