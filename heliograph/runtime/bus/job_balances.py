"""The jobs of a project as its budget should count them, read from the event log."""

from heliograph.contracts import subjects
from heliograph.contracts.budgets.balances import JobBalance
from heliograph.contracts.records import Record
from heliograph.runtime.bus.event_log import STREAM, JetStreamEventLog
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.stored_messages import Stored


async def read_job_balances(
    jetstream: JetStream, events: JetStreamEventLog, project: str, *, settled: int, held: int
) -> list[JobBalance]:
    """
    Every job that a budget counts.

    Args:
        settled: Sequence up to which ends are settled.
        held: Sequence up to which there are holds; not before `settled`.

    Raises:
        Unavailable: The log does not respond.
    """
    at_settled: dict[str, Stored] = {}
    at_held: dict[str, Stored] = {}
    last: dict[str, Stored] = {}
    async for stored in jetstream.read_acknowledged(STREAM, subjects.event(project, "*")):
        last[stored.subject] = stored
        if stored.sequence <= held:
            at_held[stored.subject] = stored
        if stored.sequence <= settled:
            at_settled[stored.subject] = stored
    balances = (
        _balance(events, settled, at_settled.get(subject), at_held.get(subject), latest)
        for subject, latest in last.items()
    )
    return [each for each in balances if each]


def _balance(
    events: JetStreamEventLog,
    settled: int,
    at_settled: Stored | None,
    at_held: Stored | None,
    last: Stored,
) -> JobBalance | None:
    """Balance of a job; None for other messages, unreadable ones, and jobs accepted later."""
    holder = events.body(at_held or last)
    if not isinstance(holder, Record):
        return None
    if at_settled:
        before = events.body(at_settled)
        return JobBalance(before if isinstance(before, Record) else None, holder)
    # where earlier events were removed, the later one has the time of the end
    if holder.step.is_final and holder.ended((at_held or last).sequence) <= settled:
        return JobBalance(holder, holder)
    return JobBalance(None, holder) if at_held else None
