"""Account capacity: free permits of the accounts in one round of turns. Pure, no clock."""

from collections.abc import Iterator
from datetime import datetime

from heliograph.contracts.queue_entries import Ticket
from heliograph.runtime.bus import AccountUsage
from services.render.scheduler.reservations import Reservations


class AccountCapacity:
    """
    Free permits of the accounts in one round of turns.

    `usage` is what was seen of them a moment ago; `reservations` gets every job that has a turn.
    """

    def __init__(
        self, usage: dict[str, AccountUsage], reservations: Reservations, at: datetime
    ) -> None:
        self._usage = usage
        self._reservations = reservations
        self._at = at
        self._taken = {a: {*its.holders, *reservations.of(a, at)} for a, its in usage.items()}

    def has_room(self, account: str) -> bool:
        """Whether a permit is free. An account whose usage is not read yet has none."""
        if account not in self._usage or not self._admits(account, ""):
            return False
        cap = self._usage[account].cap
        return cap is None or len(self._taken[account]) < cap

    def holders(self) -> Iterator[str]:
        """Jobs that have a permit already, and may use it."""
        for account, usage in self._usage.items():
            yield from (job for job in usage.holders if self._admits(account, job))

    def reserve(self, ticket: Ticket) -> None:
        """Reserve a permit for a job that has its turn; accounts without a cap need none."""
        usage = self._usage[ticket.account]
        self._taken[ticket.account].add(ticket.job)
        if usage.cap is not None or usage.breaker:
            self._reservations.add(ticket.account, ticket.job, self._at)

    def _admits(self, account: str, job: str) -> bool:
        """Whether an account admits a job. One that is half open admits one at a time, as a probe."""
        breaker = self._usage[account].breaker
        if breaker is None:
            return True
        if breaker.state(self._at) == "half_open" and self._reservations.of(account, self._at):
            return False
        return breaker.admits(job, self._at)
