"""Jobs of a time when more was accepted: they run as accepted, or end before anything is sent."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from heliograph.contracts.attempts import Takeover
from heliograph.contracts.records import Record
from heliograph.contracts.references import Reference
from tests.support.emulation.worker_rig import WorkerRig, accepted_job
from tests.support.fal.emulator_process import FalAccount, FalServer
from tests.support.fal.rig import MODEL, a_fal
from tests.support.records import taking_over


@pytest.fixture
def fal(fal_server: FalServer) -> FalAccount:
    return fal_server.account(uuid4().hex)


@pytest.fixture
async def worker(fal_server: FalServer, fal: FalAccount) -> AsyncIterator[WorkerRig]:
    provider = a_fal(fal_server.url, fal.key)
    yield WorkerRig(provider, MODEL)
    await provider.aclose()


def accepted(prompt: str, **fields: Any) -> Record:
    """A job whose body nobody would accept today."""
    return accepted_job(MODEL, prompt).model_copy(update=fields)


async def test_raw_arguments_that_were_accepted_are_sent(
    worker: WorkerRig, fal: FalAccount
) -> None:
    prompt = f"a lighthouse {uuid4().hex}"

    job = await worker.run(accepted(prompt, arguments={"num_images": 2, "image_size": "square"}))

    [sent] = fal.accepted(prompt)
    assert (sent["body"]["num_images"], sent["body"]["image_size"]) == (2, "square")
    assert len(job.internal.outputs) == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"arguments": {"aspect_ratio": {"width": 1}}},
        {"arguments": {"aspect_ratio": ["1:1"]}},
        {"model": "fal/gone"},
    ],
    ids=str,
)
async def test_a_body_that_cannot_be_built_ends_the_job_before_the_intent(
    worker: WorkerRig, fal: FalAccount, fields: dict[str, Any]
) -> None:
    prompt = f"a lighthouse {uuid4().hex}"

    job = await worker.run(accepted(prompt, **fields))

    assert job.error
    assert (job.status, job.error.code, job.charged) == ("failed", "provider_rejected", "no")
    assert worker.steps(job.id) == ["accepted", "started", "failed"]
    assert fal.accepted(prompt) == []


async def test_an_address_that_cannot_be_called_ends_the_job_before_the_intent(
    worker: WorkerRig,
) -> None:
    references = [Reference(url="http://[")]

    job = await worker.run(accepted("a lighthouse", references=references))

    assert job.error
    assert (job.status, job.error.code, job.charged) == ("failed", "reference_failed", "no")
    assert worker.steps(job.id) == ["accepted", "started", "failed"]


async def test_a_free_retry_works_though_its_model_left_the_catalog(
    worker: WorkerRig, fal: FalAccount
) -> None:
    prompt = f"a lighthouse {uuid4().hex}"
    first = await worker.run(accepted_job(MODEL, prompt))
    sent = first.internal.attempts[-1]
    takeover = Takeover(
        job=first.id, account="fal", endpoint=sent.endpoint, request_id=sent.request_id
    )

    job = await worker.run(taking_over(accepted(prompt, model="fal/gone"), takeover))

    assert job.error is None
    assert job.internal.outputs == first.internal.outputs
    assert (job.charged, len(fal.accepted(prompt))) == ("no", 1)
