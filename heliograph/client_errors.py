"""Errors of the client: one tree."""

from heliograph.contracts.jobs import Job
from heliograph.contracts.problems import Problem


class ClientError(Exception):
    """The request failed."""


class ConnectionFailed(ClientError):
    """No server responds at the URL."""


class AddressRefused(ConnectionFailed):
    """A service URL is not valid; the message has the URL and the reason."""


class KeyRefused(ClientError, ValueError):
    """An API key is malformed; the message has the reason, and not the key."""


class LiveClosed(ClientError):
    """The service closed the live connection permanently; `code` is the close code, if there is one."""

    code: int | None = None

    @classmethod
    def of(cls, code: int | None, reason: str) -> "LiveClosed":
        closed = cls(f"the live connection was closed with {code}: {reason or 'no reason given'}")
        closed.code = code
        return closed


class WaitedTooLong(ClientError, TimeoutError):
    """The timeout has passed; the jobs continue."""


class Unsendable(ClientError, ValueError):
    """A request that no encoding can carry: a text is no valid Unicode, or a number no JSON."""


class RequestRejected(ClientError):
    """The service refused the request; `problem` has the reason and the next actions."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.code}: {problem.detail}")
        self.problem = problem


class JobFailed(ClientError):
    """The job ended without a result; `job.error` has the reason."""

    def __init__(self, job: Job) -> None:
        reason = f"{job.error.code}: {job.error.detail}" if job.error else job.status
        super().__init__(f"{job.id} {reason}")
        self.job = job


class ChecksumMismatch(ClientError):
    """The downloaded bytes differ from the stored ones; no file was written."""
