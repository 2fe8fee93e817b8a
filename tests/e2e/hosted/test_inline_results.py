"""What came inside an answer belongs to its job: it waits for a broken store, and goes with the job."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from heliograph.client import Client
from heliograph.client_errors import RequestRejected
from heliograph.contracts.ids import new_job_id
from tests.support.emulation.emulator_process import Emulator
from tests.support.refusing_store import RefusingStore, refusing_store
from tests.support.servers import Server
from tests.support.stack import Stack, stack_running

KEY = uuid4().hex  #: of the stack, at OpenAI
TIMEOUT = 90.0  #: seconds


@pytest.fixture(scope="module")
def store(s3: Server) -> Iterator[RefusingStore]:
    assert s3.settings.s3_endpoint
    with refusing_store(s3.settings.s3_endpoint) as store:
        yield store


@pytest.fixture(scope="module")
def stack(
    openai_server: Emulator,
    s3: Server,
    store: RefusingStore,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stack]:
    secret = s3.settings.s3_secret_key
    settings = {
        "HELIOGRAPH_OPENAI_BASE_URL": f"{openai_server.url}/v1",
        "OPENAI_API_KEY": KEY,
        "HELIOGRAPH_S3_ENDPOINT": store.url,
        "HELIOGRAPH_S3_BUCKET": f"b{uuid4().hex[:12]}",
        "HELIOGRAPH_S3_ACCESS_KEY": s3.settings.s3_access_key or "",
        "HELIOGRAPH_S3_SECRET_KEY": secret.get_secret_value() if secret else "",
        "HELIOGRAPH_RETENTION_INTERVAL": "1",
        "HELIOGRAPH_OBJECT_GRACE_PERIOD": "1",
    }
    with stack_running(tmp_path_factory.mktemp("inline") / "home", settings) as stack:
        yield stack


@pytest.fixture
async def client(stack: Stack, project: str) -> AsyncIterator[Client]:
    async with stack.client(project) as client:
        yield client


@pytest.fixture
def stored(s3: Server, stack: Stack, project: str) -> Callable[[str], list[str]]:
    """The keys of a project's objects that have a part."""
    folder = Path(s3.settings.home, "s3", stack.environment["HELIOGRAPH_S3_BUCKET"], "p", project)

    def keys(part: str) -> list[str]:
        files = [str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()]
        return [key for key in files if part in key]

    return keys


async def _submit(client: Client, **fields: object) -> str:
    prompt = f"a lighthouse {uuid4().hex}"
    job = await client.submit(
        kind="image", prompt=prompt, model="openai/gpt-image-2", key=uuid4().hex, **fields
    )
    return job.id


async def _eventually(is_so: Callable[[], object]) -> None:
    async with asyncio.timeout(TIMEOUT):
        while not is_so():
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("status", [401, 403, 400])
async def test_a_paid_picture_waits_while_our_own_store_refuses_its_key(
    client: Client, store: RefusingStore, status: int
) -> None:
    store.refusal = status
    try:
        job = await _submit(client)
        refused = len(store.refused)
        await _eventually(lambda: len(store.refused) > refused)
    finally:
        store.refusal = None

    done = await client.wait(job)

    assert (done.status, done.error, len(done.assets)) == ("succeeded", None, 1)


async def test_an_inline_result_is_moved_and_is_no_upload(
    client: Client, stored: Callable[[str], list[str]]
) -> None:
    done = await client.wait(await _submit(client))

    sha256 = done.assets[0].sha256
    await _eventually(
        lambda: [key for key in stored(sha256) if not key.startswith(f"{done.id}/")] == []
    )
    with pytest.raises(RequestRejected):
        await client.submit(
            kind="cast_ref",
            prompt="from it",
            model="sim/edit",
            references=[{"upload": f"sha256:{sha256}"}],
        )


async def test_an_inline_result_goes_with_its_job(
    client: Client, stack: Stack, project: str, stored: Callable[[str], list[str]]
) -> None:
    job = await _submit(client)
    await client.wait(job)
    body = uuid4().bytes
    await _bring(stack, project, job, body)
    assert stored(f"inline/{job}/") == [f"inline/{job}/{hashlib.sha256(body).hexdigest()}"]

    async with httpx.AsyncClient(base_url=stack.url("gateway")) as http:
        answer = await http.patch(f"/v1/projects/{project}", json={"retention": {"days": 0}})
        assert answer.is_success, answer.text

    await _eventually(lambda: not stored(job))


async def test_what_belongs_to_no_job_is_not_kept(stack: Stack, project: str) -> None:
    with pytest.raises(httpx.HTTPStatusError, match="422"):
        await _bring(stack, project, new_job_id(), b"whatever")


async def _bring(stack: Stack, project: str, job: str, body: bytes) -> None:
    path = f"/v1/projects/{project}/inline/{job}/sha256/{hashlib.sha256(body).hexdigest()}"
    async with httpx.AsyncClient(base_url=stack.url("storage")) as http:
        (await http.put(path, content=body)).raise_for_status()
