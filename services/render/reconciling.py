"""Reconciling: `submitting`, and no answer. Was the request accepted?"""

from heliograph.contracts.errors import ProviderUnavailable
from heliograph.contracts.facts import Canceled, Submitted, SubmitUnknown
from heliograph.contracts.records import Record
from heliograph.runtime.bus import Entry, now
from heliograph.runtime.crashing import crash_point
from services.render.deciding import again_or_failed, unknown
from services.render.providers import Absent, Found, NotSeen
from services.render.submitting import submission_of
from services.render.workbench import Workbench


async def reconcile(bench: Workbench, entry: Entry, record: Record) -> None:
    """
    Look the request up; when it is not there, wait until it could be nowhere else, and look again.

    The wait is by this process's own clock, from when it read the record: the writer of `submitting`
    may send its POST for as long as the submit limit, and be thought dead for `ack_wait`. What is
    decided after the wait is appended against what was read before it.
    """
    seen = await _look_up(bench, record)
    if not isinstance(seen, Found):
        patience = bench.submit_limit(record) + bench.settings.ack_wait
        with bench.watch.bell(record.id) as bell:
            if await bell.wait(patience):
                return
        seen = await _look_up(bench, record)
        crash_point("reconcile.waited")
    run = record.internal.run
    match seen:
        case Found():
            crash_point("reconcile.found")
            await bench.write(record.id, run, Submitted(run=run, request_id=seen.request_id))
        case Absent():
            never = ProviderUnavailable("the provider never got the request")
            fact = again_or_failed(record, never, now(), bench.settings)
            await bench.append(entry, fact)
        case NotSeen() if record.internal.cancel:
            await bench.append(entry, Canceled(charged="unknown"))
        case NotSeen():
            await bench.append(entry, SubmitUnknown(run=run, problem=unknown(record)))
    crash_point("reconcile.written")


async def _look_up(bench: Workbench, record: Record) -> Found | Absent | NotSeen:
    """A provider that cannot say has not said no."""
    try:
        return await bench.provider(record).look_up(submission_of(record))
    except ProviderUnavailable:
        return NotSeen()
