"""A fresh address is that of an output which the job has, and of nothing else in the response."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from heliograph.contracts.attempts import SentReference
from heliograph.contracts.catalog import Catalog
from heliograph.contracts.job_events import JobEvent, Rendered, Started, Submitted, Submitting
from heliograph.contracts.outputs import Output
from heliograph.runtime.bus.transitions import append_event, transition
from heliograph.runtime.catalog import CurrentCatalog
from services.render.providers.submissions import Accepted
from services.render.worker.renewed_urls import renew
from tests.support.emulation.worker_rig import WorkerRig, accepted_job
from tests.support.fal.rig import MODEL, FalRig, a_submission
from tests.support.records import CATALOG

REFERENCE = "https://there.example/before.png"


@pytest.fixture
def rig(fal_rig: FalRig) -> FalRig:
    return fal_rig


async def renewed(
    rig: FalRig, body: Any, *, references: Sequence[str] = (), catalog: Catalog = CATALOG
) -> list[Output]:
    """What a rendered job gets whose request is answered like this."""
    prompt, worker = f"a lighthouse {uuid4().hex}", WorkerRig(rig.provider, MODEL)
    rig.account.plan(prompt, response_body=body)
    accepted = await rig.provider.submit(a_submission(prompt=prompt))
    assert isinstance(accepted, Accepted)
    sent = [SentReference(url=each, digest="sha256:0") for each in references]
    endpoint = CATALOG.models[MODEL].endpoint
    facts: list[JobEvent] = [
        Started(run=1),
        Submitting(run=1, endpoint=endpoint, prompt=prompt, arguments={}, references=sent),
        Submitted(run=1, request_id=accepted.request_id),
        Rendered(run=1, outputs=[Output(url="https://there.example/dead.png")]),
    ]
    record = accepted_job(MODEL, prompt)
    entry = await append_event(worker.events, "accepted", record, 0)
    for fact in facts:
        entry = await transition(worker.events, entry, fact)
    return await renew(replace(worker.context, catalog=CurrentCatalog(catalog)), record.id)


def names(outputs: Sequence[Output]) -> list[tuple[int | None, str]]:
    return [(each.index, (each.url or "").rpartition("/")[2]) for each in outputs]


async def test_outputs_are_where_the_models_entry_says(rig: FalRig) -> None:
    model = CATALOG.models[MODEL]
    placed = model.model_copy(update={"wire": model.wire.model_copy(update={"outputs": "made"})})
    catalog = CATALOG.model_copy(update={"models": {**CATALOG.models, MODEL: placed}})

    outputs = await renewed(rig, {"images": ["<url 7>"], "made": ["<url 0>"]}, catalog=catalog)

    assert names(outputs) == [(None, "0.png")]


async def test_a_url_of_the_request_is_not_an_output(rig: FalRig) -> None:
    body = {"image": REFERENCE, "edited": {"url": "<url 0>"}}

    assert names(await renewed(rig, body, references=[REFERENCE])) == [(None, "0.png")]


async def test_every_output_keeps_its_index(rig: FalRig) -> None:
    body = {"images": [None, "<url 1>", "<data 2>", "<url 3>"]}

    assert [each.index for each in await renewed(rig, body)] == [1, 2, 3]
