"""Errors of the client: one tree."""

from heliograph.contracts.jobs import Job
from heliograph.contracts.problems import Problem


class ClientError(Exception):
    """A request could not be done."""


class ConnectionFailed(ClientError):
    """No server answers at that URL."""


class AddressRefused(ConnectionFailed):
    """An address that cannot be one of a service; the message says which one, and why."""


class KeyRefused(ClientError, ValueError):
    """An API key that cannot be one; the message says why, and does not show it."""


class LiveClosed(ClientError):
    """The service closed the live connection for good; `code` is its close code, if it gave one."""

    code: int | None = None

    @classmethod
    def of(cls, code: int | None, reason: str) -> "LiveClosed":
        closed = cls(f"the live connection was closed with {code}: {reason or 'no reason given'}")
        closed.code = code
        return closed


class WaitedTooLong(ClientError, TimeoutError):
    """The time to wait is over; what was waited for goes on."""


class Unsendable(ClientError, ValueError):
    """A request that no encoding can carry: a text is no valid Unicode, or a number no JSON."""


class RequestRejected(ClientError):
    """The service refused the request; `problem` says why, and what can be done."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.code}: {problem.detail}")
        self.problem = problem


class JobFailed(ClientError):
    """The job ended without a result; `job.error` says why."""

    def __init__(self, job: Job) -> None:
        reason = f"{job.error.code}: {job.error.detail}" if job.error else job.status
        super().__init__(f"{job.id} {reason}")
        self.job = job


class ChecksumMismatch(ClientError):
    """The bytes that arrived are not those that were stored; nothing was kept."""
