"""Pending events: the first event of a job in the budget record that holds its price, until it is in the log."""

from collections.abc import Mapping

from heliograph.contracts.cloudevents import read_body
from heliograph.contracts.records import Record
from heliograph.contracts.tolerant_reader import Tolerant


class PendingEvent(Tolerant):
    """A first event as it is, or will be, in the log."""

    subject: str
    headers: dict[str, str]
    data: str  #: the record of the job, as JSON

    @property
    def job(self) -> Record:
        """The job as the event leaves it, with its hold. Raises Unreadable."""
        job = read_body(self.subject, self.headers, self.data.encode())
        assert isinstance(job, Record), "a marker costs nothing"
        return job

    def is_in(self, headers: Mapping[str, str]) -> bool:
        """Whether these are the headers of this event."""
        return headers.get("ce-id") == self.headers["ce-id"]

    def is_before(self, headers: Mapping[str, str], data: bytes) -> bool:
        """
        Whether another message on the subject is a later event of the same job. It is of another acceptance where
        it holds nothing: a budget accepts no job a second time. Raises Unreadable.
        """
        job = read_body(self.subject, headers, data)
        if not isinstance(job, Record) or job.internal.reserved is None:
            return False
        return job.created_at == self.job.created_at
