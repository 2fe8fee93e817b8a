"""
State machine of a job: which event may follow which step, and what the record says afterwards.

    accepted ─▶ started ─▶ submitting ─▶ submitted ─▶ rendered ─▶ succeeded
       │ ▲         │            │            │           │
       │ └─────────┴─ retry_scheduled ◀──────┘
       │                        └▶ submit_unknown
       ├──────────── canceled · failed · expired
       └──────────── succeeded, with a result that was stored before

Everything here is data and pure functions. Final steps absorb: nothing is legal after them but
`pruned`, `compacted` and `attempt_completed`, which change nothing of how the job ended.
"""

from datetime import datetime
from decimal import Decimal

from heliograph.contracts.compaction import shrunk
from heliograph.contracts.holds import Settlement
from heliograph.contracts.job_events import AttemptCompleted, Compacted, JobEvent
from heliograph.contracts.job_steps import PHASE, STATUS, Phase, Step
from heliograph.contracts.records import Internal, Record
from heliograph.contracts.state_machine.charges import settlement
from heliograph.contracts.state_machine.field_changes import Changes
from heliograph.contracts.state_machine.record_changes import record_changes
from heliograph.contracts.state_machine.transitions import SAME_STEP, IllegalTransition, fits


def apply(record: Record, event: JobEvent, at: datetime) -> Record:
    """
    The record as it stands after `event`, which happened at `at`.

    Raises:
        IllegalTransition: The event may not follow the record's step, or is of another run. Drop it, or
            read the record again.
    """
    if not fits(record, event):
        raise IllegalTransition(record, event)
    job, internal = record_changes(record, event, at)
    internal["changed_at"] = at
    if event.name not in SAME_STEP:
        internal["step"] = Step(event.name)
    after = _derive(record, job, internal, at)
    if record.internal.settled is None or isinstance(event, AttemptCompleted):
        after = _settled(after, settlement(record, after))
    return shrunk(after) if isinstance(event, Compacted) else after


def _settled(record: Record, settled: Settlement | None) -> Record:
    if settled == record.internal.settled:  # of nearly all events: two copies less
        return record
    internal = record.internal.model_copy(update={"settled": settled})
    return record.model_copy(update={"internal": internal})


def _derive(record: Record, job: Changes, internal: Changes, at: datetime) -> Record:
    """Fields that are derived from the step."""
    inner = record.internal.model_copy(update=internal)
    step = inner.step
    cost = job.get("cost", record.cost)
    if step.is_final and not record.step.is_final:
        charged = job.get("charged", record.charged)
        if charged == "no" and cost.actual is None:
            cost = cost.model_copy(update={"actual": Decimal(0)})
        job = {**job, "cost": cost, "finished_at": at}
    if record.step is Step.RETRY_SCHEDULED and step is not Step.RETRY_SCHEDULED:
        job = {"detail": None, **job}
    derived = {
        "status": STATUS[step],
        "phase": _phase(inner),
        "revision": record.revision + 1,
        "internal": inner,
    }
    return record.model_copy(update={**job, **derived})


def _phase(internal: Internal) -> Phase:
    if internal.step.is_final:
        return "done"
    return "canceling" if internal.cancel or internal.expire else PHASE[internal.step]
