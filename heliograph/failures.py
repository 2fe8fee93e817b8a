"""What can go wrong for a client: one tree of errors."""

from heliograph.contracts.problems import Problem
from heliograph.contracts.records import Job


class ClientError(Exception):
    """A request could not be done."""


class NotReachable(ClientError):
    """Nobody answers at that address."""


class Refused(ClientError):
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


class DamagedDownload(ClientError):
    """The bytes that arrived are not those that were stored; nothing was kept."""
