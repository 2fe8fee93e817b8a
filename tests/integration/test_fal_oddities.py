"""Whatever fal answers, a job ends with a reason or waits, is paid once, and memory stays small."""

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from heliograph.contracts.errors import ProviderUnavailable
from heliograph.contracts.job_steps import Step
from heliograph.contracts.records import Record
from services.render.providers.fal import FalProvider
from services.render.providers.no_retry_transport import MAX_OUTPUTS
from tests.support.emulation.worker_rig import WorkerRig
from tests.support.fal.emulator_process import FalAccount, FalServer
from tests.support.fal.oddities import MILD, OF_RESULTS, OF_STATUSES, OF_SUBMISSIONS
from tests.support.fal.rig import MODEL, a_fal

TIMEOUT = 0.4  #: seconds that an attempt may take, and its submission
MEMORY = 2 * MAX_OUTPUTS  #: bytes more than before: the largest answer, in a buffer that grows
ODD_RESULTS = {
    *("provider_protocol", "provider_rejected", "provider_unavailable", "provider_timeout"),
    "no_output",
}
UNUSUAL_RESULTS = ["images that are text", "images of text", "an address that is data"]


@pytest.fixture
def fal(fal_server: FalServer) -> FalAccount:
    return fal_server.account(uuid4().hex)


@pytest.fixture
async def worker(fal_server: FalServer, fal: FalAccount) -> AsyncIterator[WorkerRig]:
    provider = a_fal(fal_server.url, fal.key, poll_limit=0.3)
    yield WorkerRig(provider, MODEL, submit_limit=TIMEOUT, ack_wait=0.1)
    await provider.aclose()


@pytest.fixture
def prompt() -> str:
    return f"a lighthouse {uuid4().hex}"


@pytest.fixture(autouse=True)
def _memory_stays_small() -> Iterator[None]:
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    before = _memory("VmRSS")
    yield
    assert _memory("VmHWM") - before < MEMORY


def _memory(name: str) -> int:
    """Bytes of this process, now or at the most."""
    match = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert match
    return int(match[1]) * 1024


async def _do(worker: WorkerRig, prompt: str) -> Record:
    return await worker.do(prompt, timeout_seconds=TIMEOUT)


@pytest.mark.parametrize("oddity", OF_SUBMISSIONS)
async def test_an_unparsable_response_to_a_submission_is_a_lost_response(
    worker: WorkerRig, fal: FalAccount, prompt: str, oddity: str
) -> None:
    """The request was accepted: what cannot be found waits for a person, and is not sent again."""
    fal.plan(prompt, odd={"submit": oddity}, is_listed=False)

    job = await _do(worker, prompt)

    assert job.step is Step.SUBMIT_UNKNOWN
    assert job.charged == "unknown"
    assert (len(fal.accepted(prompt)), fal.posts) == (1, 1)


@pytest.mark.parametrize("oddity", OF_SUBMISSIONS)
async def test_what_was_accepted_all_the_same_is_found(
    worker: WorkerRig, fal: FalAccount, prompt: str, oddity: str
) -> None:
    fal.plan(prompt, odd={"submit": oddity})

    job = await _do(worker, prompt)

    assert job.step is Step.RENDERED
    assert (len(fal.accepted(prompt)), fal.posts) == (1, 1)


@pytest.mark.parametrize("oddity", [*OF_STATUSES, *MILD])
async def test_an_unknown_status_is_polled_again(
    worker: WorkerRig, fal: FalAccount, prompt: str, oddity: str
) -> None:
    fal.plan(prompt, odd={"status": oddity}, odd_times=2)

    job = await worker.do(prompt)

    assert job.step is Step.RENDERED
    assert len(fal.accepted(prompt)) == 1


@pytest.mark.parametrize("oddity", [*OF_STATUSES, *MILD])
async def test_a_status_that_stays_odd_ends_with_the_time_of_the_attempt(
    worker: WorkerRig, fal: FalAccount, prompt: str, oddity: str
) -> None:
    fal.plan(prompt, odd={"status": oddity})

    job = await _do(worker, prompt)

    assert job.step is Step.FAILED
    assert job.error
    assert (job.error.code, job.charged) == ("provider_timeout", "unknown")
    assert len(fal.accepted(prompt)) == 1


@pytest.mark.parametrize("oddity", UNUSUAL_RESULTS)
async def test_an_unusual_result_is_read(
    worker: WorkerRig, fal: FalAccount, prompt: str, oddity: str
) -> None:
    fal.plan(prompt, odd={"result": oddity})

    job = await _do(worker, prompt)

    assert job.step is Step.RENDERED
    assert len(job.internal.outputs) == 1


@pytest.mark.parametrize("oddity", [name for name in OF_RESULTS if name not in UNUSUAL_RESULTS])
async def test_an_odd_result_ends_the_job_with_a_reason(
    worker: WorkerRig, fal: FalAccount, prompt: str, oddity: str
) -> None:
    fal.plan(prompt, odd={"result": oddity})

    job = await _do(worker, prompt)

    assert job.step is Step.FAILED
    assert job.error
    assert job.error.code in ODD_RESULTS
    assert len(job.model_dump_json()) < 64 * 1024
    if job.charged != "no":
        assert len(fal.accepted(prompt)) == 1


@pytest.mark.parametrize("oddity", ["null", "a page", "nested without end", "a flood", "a drip"])
async def test_an_odd_answer_to_a_file_is_that_it_was_not_taken(
    fal_server: FalServer, fal: FalAccount, oddity: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.render.providers.fal._UPLOAD_LIMIT", 1.0)
    provider: FalProvider = a_fal(fal_server.url, fal.key)
    fal.change(storage_troubles=[oddity] * 3)

    with pytest.raises(ProviderUnavailable):
        await provider.upload("image/png", b"picture")

    await provider.aclose()
