"""Query for uploads that jobs name, answered by status."""

from pydantic import Field

from heliograph.contracts.queries import Query
from heliograph.contracts.tolerant_reader import Tolerant


class NamedUploads(Tolerant):
    uploads: list[str]


class FindNamedUploads(Query[NamedUploads]):
    """
    Which of these uploads does a job name that the project keeps? Answered by status with
    `NamedUploads`, including everything in the log.
    """

    subject = "query.uploads.named"

    project: str
    uploads: list[str] = Field(max_length=500)  #: digests
