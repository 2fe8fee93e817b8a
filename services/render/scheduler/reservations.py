"""
Reservations of account permits between dispatch and start; they expire after two seconds.

The dispatcher reserves a permit when it moves a job, and the job's worker takes it a moment later.
In between the account does not show it. Pure, no clock.
"""

from collections import defaultdict
from datetime import datetime, timedelta

_RESERVATION_TTL = timedelta(seconds=2)  #: by then a moved job has its permit, or is not under way


class Reservations:
    """Jobs of all lanes that were moved lately, by the account in which they will have a permit."""

    def __init__(self) -> None:
        self._until: defaultdict[str, dict[str, datetime]] = defaultdict(dict)

    def add(self, account: str, job: str, at: datetime) -> None:
        self._until[account][job] = at + _RESERVATION_TTL

    def remove(self, job: str) -> None:
        """Drop the reservation: the job is queued again, or finished."""
        for jobs in self._until.values():
            jobs.pop(job, None)

    def of(self, account: str, at: datetime) -> set[str]:
        """Jobs with a reservation in an account. Some may have acquired their permit by now."""
        jobs = self._until[account]
        for job in [job for job, until in jobs.items() if until <= at]:
            del jobs[job]
        return set(jobs)
