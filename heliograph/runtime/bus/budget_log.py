"""Budget records on JetStream: one subject per project, in the stream of the events that they count."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from ulid import ULID

from heliograph.contracts import subjects
from heliograph.contracts.budgets.record import BudgetRecord
from heliograph.contracts.errors import Unreadable
from heliograph.runtime.bus.atomic_batch import ComparedMessage, store_batch
from heliograph.runtime.bus.event_log import STREAM
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.stored_messages import Stored

_KEPT = 1_000  #: records of a project that stay in the log


class BudgetEntry(NamedTuple):
    """A budget record, and where it stands in the log (0: not in the log)."""

    sequence: int
    budget: BudgetRecord | None

    @property
    def active(self) -> BudgetRecord | None:
        """The record, if it has a limit: one without is no budget."""
        return self.budget if self.budget and self.budget.limits.is_set else None


class BudgetLog:
    """
    The budget records of all projects.

    Raises:
        Unavailable: The log did not respond; the record may or may not be written.
        Unreadable: This release cannot read the record.
    """

    def __init__(self, jetstream: JetStream) -> None:
        self._jetstream = jetstream

    async def read(self, project: str) -> BudgetEntry:
        """The record of a project, as the leader of the stream has it (see `JetStream`)."""
        stored = await self._jetstream.last(STREAM, subjects.money(project))
        return budget_entry(stored) if stored else BudgetEntry(0, None)

    async def read_users(self, project: str, users: Collection[str]) -> dict[str, BudgetEntry]:
        """The records of users of a project, by digest; from the leader, too. At most 1,024."""
        if not users:
            return {}
        names = {subjects.money_of(project, each): each for each in users}
        found = await self._jetstream.read_lasts(STREAM, list(names))
        entries = {names[each.subject]: budget_entry(each) for each in found}
        return dict.fromkeys(users, BudgetEntry(0, None)) | entries

    async def write(self, budget: BudgetRecord, after: int) -> int:
        """Replace the record with sequence `after`. Raises Conflict when it is another one now."""
        message = _message(budget, after)
        return await self._jetstream.append(
            STREAM, message.subject, message.data, message.headers, after=after
        )

    async def write_with(
        self,
        budget: BudgetRecord,
        after: int,
        messages: Sequence[ComparedMessage],
        users: Sequence[BudgetEntry] = (),
    ) -> int:
        """
        Store messages, and replace records right after them: all or none. Returns the sequence of the
        first message; the others, and the records, follow without a gap. So what a record holds is in the
        log before it. The record of a user is written together with that of the project only.

        Args:
            users: Records of users, each with the sequence of the one that it replaces.

        Raises:
            Conflict: A record, or the last message of another subject, has changed.
            ApiError: The server rejects the batch; nothing is stored.
        """
        own = [_message(entry.budget, entry.sequence) for entry in users if entry.budget]
        return await store_batch(self._jetstream, [*messages, *own, _message(budget, after)])

    async def trim(self, project: str) -> None:
        """Forget all but the latest records of a project."""
        query = {"filter": subjects.money(project), "keep": _KEPT}
        await self._jetstream.api(f"STREAM.PURGE.{STREAM}", query)


def budget_entry(stored: Stored) -> BudgetEntry:
    """The record in a message. Raises Unreadable."""
    try:
        return BudgetEntry(stored.sequence, BudgetRecord.model_validate_json(stored.data))
    except ValueError as error:
        raise Unreadable.because(error) from None


def _message(budget: BudgetRecord, after: int) -> ComparedMessage:
    project, user = budget.project, budget.user
    return ComparedMessage(
        subject=subjects.money_of(project, user) if user else subjects.money(project),
        data=budget.model_dump_json().encode(),
        headers={"ce-id": str(ULID()), "content-type": "application/json"},
        after=after,
    )
