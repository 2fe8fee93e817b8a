"""Take-over of an earlier job's request or outputs: a retry that costs nothing."""

from heliograph.contracts.attempts import Takeover
from heliograph.contracts.job_events import Rendered, Submitted
from heliograph.runtime.bus.log_entries import LogEntry
from services.render.worker.context import Worker
from services.render.worker.kept_outputs import about_outputs


async def take_over(worker: Worker, entry: LogEntry, old: Takeover) -> LogEntry:
    """A retry that costs nothing: the outputs, or the request, of an earlier job."""
    run = entry.record.internal.run
    if old.outputs:
        known = about_outputs(len(old.outputs), old.outputs, old.withheld)
        event = Rendered(
            run=run, outputs=old.outputs, charged="no", detail=known, withheld=old.withheld
        )
        return await worker.append(entry, event)
    assert old.request_id
    return await worker.append(entry, Submitted(run=run, request_id=old.request_id))
