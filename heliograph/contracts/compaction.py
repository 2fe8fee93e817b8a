"""
Compaction: shrinks the records of jobs that ended long ago when the event log is nearly full.

A record keeps what requests for its key, its slot and its bill need: digests, how it ended, what it cost,
its assets, and what is still at a provider and was paid for. Of the rest it keeps what fits.
"""

from collections.abc import Iterator
from typing import Any

from heliograph.contracts.attempts import Attempt
from heliograph.contracts.job_steps import Step
from heliograph.contracts.records import Record

MAX_COMPACTED_BYTES = (
    2_048  #: bytes of a compacted record as JSON; more only where that much has to stay
)

_SHOWN = 200  #: bytes of a text that is cut

_Changes = dict[str, Any]


def shrunk(record: Record) -> Record:
    """A final record, no larger than it has to be."""
    whole, small = record, _least(record)
    for job, internal in _extras(whole):
        larger = _changed(small, job, internal)
        if size_of(larger) <= MAX_COMPACTED_BYTES:
            small = larger
    is_cut = any(getattr(small, name) != getattr(whole, name) for name in _REQUEST)
    return _changed(small, {}, {"is_cut": is_cut or small.internal.style != whole.internal.style})


def size_of(record: Record) -> int:
    """Bytes of a compacted record as its event carries it."""
    return len(record.model_dump_json(exclude_defaults=True).encode())


#: what another try needs to know of the request
_REQUEST = ("prompt", "edit_prompt", "parameters", "arguments", "references")


def _least(record: Record) -> Record:
    """Fields that have to stay."""
    job: _Changes = {
        "prompt": "",
        "edit_prompt": None,
        "parameters": {},
        "arguments": {},
        "references": [],
        "tags": {},
        "user": None,
        "detail": None,
        "progress": None,
        "links": None,
    }
    if record.error:
        advice = [each for each in record.error.next_actions if each.kind == "change_request"]
        changes: _Changes = {"detail": _cut(record.error.detail), "errors": []}
        changes["next_actions"] = advice[
            :1
        ]  # a retry that was offered here would be paid for nothing
        job["error"] = record.error.model_copy(update=changes)
    inner = record.internal
    internal: _Changes = {
        "style": None,
        "after": [],
        "not_before": None,
        "traceparent": None,
        "correlation_id": None,
        "attempts": [_outline(each) for each in inner.attempts if each.request_id],
    }
    if inner.reused:
        internal["reused"] = inner.reused.model_copy(update={"assets": []})
    if record.step is Step.SUCCEEDED:
        internal |= {"outputs": [], "takeover": None}
    return _changed(record, job, internal)


def _outline(attempt: Attempt) -> Attempt:
    """Which request it was, and what came of it."""
    dropped: _Changes = {"prompt": "", "arguments": {}, "references": [], "answer": None}
    return attempt.model_copy(update=dropped)


def _extras(whole: Record) -> Iterator[tuple[_Changes, _Changes]]:
    """Fields that may stay, the most useful first."""
    yield {"prompt": _cut(whole.prompt)}, {}
    yield {}, {"attempts": [_outline(each) for each in whole.internal.attempts]}
    yield {"tags": whole.tags}, {}
    yield {"parameters": whole.parameters}, {}
    yield {"references": whole.references}, {}
    yield {"prompt": whole.prompt}, {}
    yield {"edit_prompt": whole.edit_prompt}, {}
    yield {"arguments": whole.arguments}, {}
    yield {}, {"style": whole.internal.style, "after": whole.internal.after}
    yield {"user": whole.user, "detail": whole.detail}, {}
    yield {}, {"correlation_id": whole.internal.correlation_id}


def _changed(record: Record, job: _Changes, internal: _Changes) -> Record:
    inner = record.internal.model_copy(update=internal)
    return record.model_copy(update={**job, "internal": inner})


def _cut(text: str | None) -> str | None:
    if text is None or len(text.encode()) <= _SHOWN:
        return text
    return text.encode()[: _SHOWN - len("…".encode())].decode(errors="ignore") + "…"
