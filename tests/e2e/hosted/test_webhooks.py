"""A call of fal saves a job whose request nobody else can find."""

from collections.abc import Iterator

import pytest

from heliograph.client import Client
from tests.support.fal.emulator_process import FalAccount


@pytest.fixture
def calling(fal: FalAccount) -> Iterator[FalAccount]:
    """fal, while it calls where it was told to."""
    fal.change(calls_back=True)
    yield fal
    fal.change(calls_back=False)


@pytest.mark.parametrize("seconds", [0.5, 6])
async def test_a_job_that_only_a_call_can_save_succeeds_and_is_paid_once(
    client: Client, calling: FalAccount, prompt: str, seconds: float
) -> None:
    """While its worker still looks for it, and after everybody gave up."""
    calling.plan(prompt, loss="drop", is_listed=False, seconds=seconds)

    job = await client.submit(kind="portrait", prompt=prompt, model="fal/flux-schnell")
    [ended] = await client.finish(job.id)

    assert ended.status == "succeeded"
    assert len(calling.accepted(prompt)) == 1
