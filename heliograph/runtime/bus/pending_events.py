"""Pending events of budget records, stored in the log by the first process that reads such a record."""

from contextlib import suppress

from heliograph.contracts.budgets.pending import PendingEvent
from heliograph.runtime.bus.conflicts import Conflict
from heliograph.runtime.bus.event_log import STREAM
from heliograph.runtime.bus.jetstream import JetStream


async def store_pending(jetstream: JetStream, pending: PendingEvent) -> bool:
    """
    Store the event, unless the log has it. False: another first event has its place.

    Raises:
        Unavailable, QueueFull: It may or may not be stored.
        Unreadable: This release cannot read what has its place.
    """
    while True:
        first = await jetstream.next(STREAM, pending.subject, 1)  # of those that are left
        if first:
            return pending.is_in(first.headers) or pending.is_before(first.headers, first.data)
        with suppress(Conflict):
            data = pending.data.encode()
            await jetstream.append(STREAM, pending.subject, data, pending.headers, expected_last=0)
            return True
