"""Outputs that a job keeps of those that a provider made, and notes about the others. Pure."""

from heliograph.contracts.errors import ContentPolicy
from heliograph.contracts.job_events import AttemptCompleted, Rendered
from heliograph.contracts.outputs import Output, Withheld
from heliograph.contracts.records import Record
from heliograph.runtime.bus.log_entries import LogEntry
from services.render.bounded_text import short_excerpt
from services.render.job_problem import MAX_OUTPUT_COUNT
from services.render.providers.request_states import RequestStopped, RequestSucceeded

#: arguments that set the number of outputs
_COUNTS = ("num_images", "num_outputs", "max_images", "number_of_images", "samples", "n")


def rendered(record: Record, done: RequestSucceeded) -> Rendered:
    """
    The requested outputs; extra ones are ignored. Of the withheld ones, only as many are reported as are
    missing.
    """
    arguments = {**record.parameters, **record.arguments}
    requested = max(
        (n for name in _COUNTS if isinstance(n := arguments.get(name), int)), default=done.usual
    )
    limit = min(max(1, requested), MAX_OUTPUT_COUNT)
    kept = _chosen(done.outputs, limit)
    withheld = done.withheld[: limit - len(kept)]
    return Rendered(
        run=record.internal.run,
        outputs=kept,
        charged=done.charged,
        bill=done.bill,
        answer=short_excerpt(done.excerpt),
        detail=about_outputs(len(done.outputs), kept, withheld),
        withheld=withheld,
    )


def made_outputs(
    record: Record, state: RequestSucceeded | RequestStopped
) -> tuple[list[Output], list[Withheld] | None]:
    """Outputs at the end of a request, and the missing ones."""
    if isinstance(state, RequestStopped):
        return [], None
    done = rendered(record, state)
    return done.outputs, done.withheld or None


def _chosen(outputs: list[Output], limit: int) -> list[Output]:
    """The first of them; unflagged outputs are chosen before flagged ones."""
    if len(outputs) <= limit:
        return outputs
    positions = sorted(range(len(outputs)), key=lambda position: outputs[position].flagged)[:limit]
    return [
        _at_position(outputs[position], position, new)
        for new, position in enumerate(sorted(positions))
    ]


def _at_position(output: Output, position: int, new: int) -> Output:
    """The output, with the provider's index if its position has changed."""
    if output.index is not None or position == new:
        return output
    return output.model_copy(update={"index": position})


def about_outputs(count: int, kept: list[Output], withheld: list[Withheld]) -> str | None:
    """Detail text: which outputs are left out, and which are withheld."""
    notes = []
    if count > len(kept):
        notes.append(f"the first {len(kept)} of {count} outputs are kept")
    reasons = [each.reason for each in withheld]
    reasons += [ContentPolicy.code for output in kept if output.flagged]
    if reasons:
        whole = len(kept) + len(withheld)
        why = ", ".join(dict.fromkeys(reasons))
        notes.append(f"{len(reasons)} of {whole} outputs withheld: {why}")
    return "; ".join(notes) or None


def end_of_attempt(
    entry: LogEntry, run: int, state: RequestSucceeded | RequestStopped
) -> AttemptCompleted:
    """The event that the end of a request adds to an ended job."""
    record = entry.record
    outputs, withheld = made_outputs(record, state)
    return AttemptCompleted(
        run=run,
        ended=record.ended(entry.sequence),
        outputs=outputs,
        withheld=withheld,
        charged=state.charged,
        bill=state.bill if isinstance(state, RequestSucceeded) else None,
        outcome="rendered" if isinstance(state, RequestSucceeded) else state.error.code,
        answer=short_excerpt(state.excerpt),
    )
