"""A picture that cannot be decoded is no reference, neither for a new job nor for one that waited."""

from typing import Any, cast

import pytest

from heliograph.contracts.assets import Asset
from heliograph.contracts.errors import ReferenceFailed, ValidationFailed
from heliograph.contracts.id_generation import asset_id
from heliograph.contracts.job_events import JobEvent, Rendered, Started, Submitting, Succeeded
from heliograph.contracts.kept_references import KeptReference
from heliograph.contracts.records import Record
from heliograph.runtime.bus.transitions import append_event, transition
from heliograph.testing.event_log import MemoryEventLog
from services.gateway.jobs.references import ReferenceValidator
from services.render.references.resolver import ReferenceResolver
from tests.support.records import a_record

_NONE = cast(Any, None)  #: a part that assets do not need
DAMAGED, GOOD = 0, 1


async def a_job(events: MemoryEventLog) -> Record:
    """With a damaged picture and a good one."""
    record = a_record()
    assets = [
        Asset(
            id=asset_id(record.id, index),
            index=index,
            media_type="image/png",
            bytes=5,
            sha256=str(index) * 64,
            undecodable=index == DAMAGED,
        )
        for index in (DAMAGED, GOOD)
    ]
    facts: list[JobEvent] = [
        Started(run=1),
        Submitting(run=1, endpoint="picture", prompt="p", arguments={}, references=[]),
        Rendered(run=1, outputs=[]),
        Succeeded(assets=assets),
    ]
    entry = await append_event(events, "accepted", record, 0)
    for fact in facts:
        entry = await transition(events, entry, fact)
    return entry.record


async def test_a_request_with_it_is_refused_where_it_names_it() -> None:
    events = MemoryEventLog()
    job = await a_job(events)
    validator = ReferenceValidator(events, _NONE)
    good, damaged = (KeptReference(asset=asset_id(job.id, index)) for index in (GOOD, DAMAGED))

    assert await validator.validate(job.project, [good], {}) == [f"sha256:{'1' * 64}"]
    with pytest.raises(ValidationFailed, match="cannot be decoded") as refused:
        await validator.validate(job.project, [good, damaged], {})

    assert [each.pointer for each in refused.value.errors] == ["/references/1"]


async def test_a_job_that_was_to_be_made_from_it_fails_before_anything_is_sent() -> None:
    events = MemoryEventLog()
    job = await a_job(events)
    resolver = ReferenceResolver(events=events, request=_NONE, urls=_NONE, upload_cache=_NONE)
    reference = KeptReference(asset=asset_id(job.id, DAMAGED))
    later = a_record(project=job.project).model_copy(update={"references": [reference]})

    with pytest.raises(ReferenceFailed, match="cannot be decoded"):
        await resolver.resolve(later)
