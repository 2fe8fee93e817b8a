"""
Budget records on JetStream: one subject per project, in the stream of the events that they count.

A record is stored in one atomic batch with the events that it holds; or, with one event alone, before it, as two
plain messages, which take the server less time. Then the record has the event with it, until the next record:
who reads it to write the next one stores the event first (`read`), so nothing is held for a job that never comes.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from ulid import ULID

from heliograph.contracts import subjects
from heliograph.contracts.budgets.pending import PendingEvent
from heliograph.contracts.budgets.record import BudgetRecord
from heliograph.contracts.budgets.settlement import completed
from heliograph.contracts.errors import Unreadable
from heliograph.runtime.bus import OnDecided
from heliograph.runtime.bus.atomic_batch import ComparedMessage, store_batch
from heliograph.runtime.bus.conflicts import Conflict, retry_on_conflict
from heliograph.runtime.bus.event_log import STREAM
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.pending_events import store_pending
from heliograph.runtime.bus.stored_messages import Stored
from heliograph.runtime.crash_points import crash_point

_KEPT = 1_000  #: records of a project that stay in the log


class BudgetEntry(NamedTuple):
    """A budget record, and where it stands in the log (0: not in the log)."""

    sequence: int
    budget: BudgetRecord | None

    @property
    def active(self) -> BudgetRecord | None:
        """The record, if it has a limit: one without is no budget."""
        return self.budget if self.budget and self.budget.limits.is_set else None


class Written(NamedTuple):
    """Where a commit stands in the log."""

    events: int  #: sequence of the first event
    records: int  #: of the first record: those of users, then that of the project


class BudgetLog:
    """
    The budget records of all projects.

    Raises:
        Unavailable: The log did not respond; the record may or may not be written.
        QueueFull: The log has no room for the record, or for the event that is pending in it.
        Unreadable: This release cannot read the record.
    """

    def __init__(self, jetstream: JetStream) -> None:
        self._jetstream = jetstream

    async def stored(self, project: str) -> BudgetEntry:
        """The record of a project, as the leader of the stream has it (see `JetStream`)."""
        stored = await self._jetstream.last(STREAM, subjects.money(project))
        return budget_entry(stored) if stored else BudgetEntry(0, None)

    async def read(self, project: str) -> BudgetEntry:
        """
        The same, for whoever writes the next one: the event that is pending in it is in the log, and the next one
        has none. Where the job was accepted without the budget meanwhile, nothing is held for it any more.
        """
        entry, _ = await self._completed(project)
        return entry

    @retry_on_conflict
    async def complete(self, project: str) -> None:
        """Store the event that is pending in the record; or give its hold back, where another took its place."""
        entry, is_lost = await self._completed(project)
        if is_lost and entry.budget:
            await self.write(entry.budget, entry.sequence)

    async def _completed(self, project: str) -> tuple[BudgetEntry, bool]:
        entry = await self.stored(project)
        if entry.budget is None or entry.budget.pending is None:
            return entry, False
        is_stored = await store_pending(self._jetstream, entry.budget.pending)
        return entry._replace(budget=completed(entry.budget, is_stored=is_stored)), not is_stored

    async def read_users(self, project: str, users: Collection[str]) -> dict[str, BudgetEntry]:
        """The records of users of a project, by digest; from the leader, too. At most 1,024."""
        if not users:
            return {}
        names = {subjects.money_of(project, each): each for each in users}
        messages = await self._jetstream.read_lasts(STREAM, list(names))
        entries = {names[each.subject]: budget_entry(each) for each in messages}
        return dict.fromkeys(users, BudgetEntry(0, None)) | entries

    async def write(self, budget: BudgetRecord, expected_last: int) -> int:
        """Replace the record with sequence `expected_last`. Raises Conflict when it is another one now."""
        message = _message(budget, expected_last)
        return await self._jetstream.append(
            STREAM, message.subject, message.data, message.headers, expected_last=expected_last
        )

    async def write_with(
        self,
        budget: BudgetRecord,
        expected_last: int,
        messages: Sequence[ComparedMessage],
        users: Sequence[BudgetEntry] = (),
    ) -> Written:
        """
        Store messages, and replace records right after them: all or none, without a gap. The record of a user
        is written together with that of the project only.

        Args:
            users: Records of users, each with the sequence of the one that it replaces.

        Raises:
            Conflict: A record, or the last message of another subject, has changed.
            ApiError: The server rejects the batch; nothing is stored.
        """
        own = [_message(entry.budget, entry.sequence) for entry in users if entry.budget]
        batch = [*messages, *own, _message(budget, expected_last)]
        first = await store_batch(self._jetstream, batch)
        return Written(first, first + len(messages))

    async def write_before(
        self,
        budget: BudgetRecord,
        expected_last: int,
        event: ComparedMessage,
        on_decided: OnDecided | None = None,
    ) -> Written:
        """
        Replace the record by one that holds the price of a new job, and store the job's first event after it. Whoever
        reads the record in between stores the event, so both are decided by the compare of the record.

        The caller made sure that the job had no event when the record that is replaced was the last one.

        Raises:
            Conflict: The record has changed, and nothing is stored; or the job was accepted without the budget
                meanwhile, and nothing is held for it.
            ApiError: The server rejects one of them.
        """
        pending = PendingEvent(
            subject=event.subject, headers=event.headers, data=event.data.decode()
        )
        record = await self.write(budget.model_copy(update={"pending": pending}), expected_last)
        crash_point("accept.held")
        if on_decided:
            on_decided()
        try:
            sequence = await self._jetstream.append(
                STREAM, event.subject, event.data, event.headers, expected_last=0
            )
        except Conflict:
            await self.complete(budget.project)
            raise
        crash_point("accept.completed")
        return Written(sequence, record)

    async def trim(self, project: str, keep: int = _KEPT) -> None:
        """Forget all but the latest records of a project."""
        query = {"filter": subjects.money(project), "keep": keep}
        await self._jetstream.api(f"STREAM.PURGE.{STREAM}", query)


def budget_entry(stored: Stored) -> BudgetEntry:
    """The record in a message. Raises Unreadable."""
    try:
        return BudgetEntry(stored.sequence, BudgetRecord.model_validate_json(stored.data))
    except ValueError as error:
        raise Unreadable.because(error) from None


def _message(budget: BudgetRecord, expected_last: int) -> ComparedMessage:
    project, user = budget.project, budget.user
    return ComparedMessage(
        subject=subjects.money_of(project, user) if user else subjects.money(project),
        data=budget.model_dump_json().encode(),
        headers={"ce-id": str(ULID()), "content-type": "application/json"},
        expected_last=expected_last,
    )
