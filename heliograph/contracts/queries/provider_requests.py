"""Query for requests at providers that attempts have, answered by status."""

from pydantic import Field

from heliograph.contracts.queries import Query
from heliograph.contracts.tolerant_reader import Tolerant

MAX_REQUESTS = 1_000  #: of a provider that are asked about at once


class KnownRequests(Tolerant):
    """The requests that belong to an attempt."""

    known: list[str]


class FindRequests(Query[KnownRequests]):
    """
    Which of these requests at a provider are known to an attempt of any job? Answered by status with
    `KnownRequests`, including everything in the log.
    """

    subject = "query.requests.find"

    provider: str
    requests: list[str] = Field(max_length=MAX_REQUESTS)
