"""
Jobs that a backup shows as not sent yet, and that may have been since.

Between the backup and the loss a worker may have submitted them, and the provider may have charged for
it: nothing here knows. So they fail, charged "unknown", and are submitted again only by a decision.
"""

from contextlib import suppress

from heliograph.contracts import subjects
from heliograph.contracts.errors import RestoredFromBackup, Unreadable
from heliograph.contracts.job_events import Failed
from heliograph.contracts.records import Record
from heliograph.contracts.state_machine.charges import accumulate_charge
from heliograph.runtime.bus.budget_log import budget_entry
from heliograph.runtime.bus.event_log import STREAM, JetStreamEventLog
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.log_entries import JobEntry
from heliograph.runtime.bus.pending_events import store_pending
from heliograph.runtime.bus.stored_messages import Stored
from heliograph.runtime.bus.transitions import transition


def may_have_been_sent(record: Record) -> bool:
    """Whether to run the job could charge for it a second time."""
    return record.step.is_unsent and bool(record.cost.estimated) and not record.internal.reused


def as_restored(record: Record) -> Failed:
    """The event that ends such a job."""
    in_all = accumulate_charge(record.charged, "unknown")
    return Failed(problem=RestoredFromBackup(charged=in_all).problem(), charged="unknown")


async def fail_unsent(jetstream: JetStream, source: str) -> int:
    """
    Fail those jobs in a log that no service writes to. Returns their number; a second run finds none.

    Raises:
        Unavailable: NATS stopped responding; call this function again.
    """
    await _store_pending(jetstream)
    log = JetStreamEventLog(jetstream, source)
    unsent = await _unsent(jetstream, log)
    for entry in unsent:
        await transition(log, entry, as_restored(entry.record))
    return len(unsent)


async def _store_pending(jetstream: JetStream) -> None:
    """Jobs that were being accepted at the moment of the backup are accepted: they may have run since, too."""
    records: dict[str, Stored] = {}
    async for stored in jetstream.read_acknowledged(STREAM, subjects.money("*")):
        records[stored.subject] = stored
    for stored in records.values():
        with suppress(Unreadable):  # the services say so
            budget = budget_entry(stored).budget
            if budget and budget.pending:
                await store_pending(jetstream, budget.pending)


async def _unsent(jetstream: JetStream, log: JetStreamEventLog) -> list[JobEntry]:
    entries: dict[str, JobEntry] = {}
    async for stored in jetstream.read_acknowledged(STREAM, subjects.EVENTS):
        entries.pop(stored.subject, None)
        with suppress(Unreadable):  # it is noted; a release that reads it decides
            entry = log.read(stored).as_job()
            if entry and may_have_been_sent(entry.record):
                entries[stored.subject] = entry
    return list(entries.values())
