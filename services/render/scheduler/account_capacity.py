"""Account capacity: free permits of the accounts in one round of turns. Pure, no clock."""

from collections.abc import Iterator
from datetime import datetime

from heliograph.contracts.queue_entries import Ticket
from heliograph.runtime.bus import AccountUsage
from services.render.scheduler.reservations import Reservations


class AccountCapacity:
    """
    Free permits of the accounts in one round of turns.

    `places` is what was seen of them a moment ago; `reservations` gets every job that has a turn.
    """

    def __init__(
        self, places: dict[str, AccountUsage], reservations: Reservations, at: datetime
    ) -> None:
        self._places = places
        self._reservations = reservations
        self._at = at
        self._taken = {a: {*its.holders, *reservations.of(a, at)} for a, its in places.items()}

    def has_room(self, account: str) -> bool:
        """Whether any job may have a place. In an account that was not looked at none may, yet."""
        if account not in self._places or not self._admits(account, ""):
            return False
        cap = self._places[account].cap
        return cap is None or len(self._taken[account]) < cap

    def holders(self) -> Iterator[str]:
        """Jobs that have a place already, and may use it."""
        for account, places in self._places.items():
            yield from (job for job in places.holders if self._admits(account, job))

    def reserve(self, ticket: Ticket) -> None:
        """Reserve a permit for a job that has its turn; accounts without a cap need none."""
        places = self._places[ticket.account]
        self._taken[ticket.account].add(ticket.job)
        if places.cap is not None or places.breaker:
            self._reservations.add(ticket.account, ticket.job, self._at)

    def _admits(self, account: str, job: str) -> bool:
        """While an account is half open, one job at a time finds out whether it works again."""
        breaker = self._places[account].breaker
        if breaker is None:
            return True
        if breaker.state(self._at) == "half_open" and self._reservations.of(account, self._at):
            return False
        return breaker.admits(job, self._at)
