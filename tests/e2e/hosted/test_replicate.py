"""All of Heliograph with an emulated Replicate: made, stored, and paid once."""

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest

from heliograph.client import Client
from tests.support.emulation.emulator_process import EmulatedAccount, Emulator
from tests.support.stack import Stack, stack_running


@pytest.fixture(scope="module")
def account(replicate_server: Emulator) -> EmulatedAccount:
    return replicate_server.account(uuid4().hex)


@pytest.fixture(scope="module")
def stack(account: EmulatedAccount, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = {
        "HELIOGRAPH_REPLICATE_BASE_URL": account.url,
        "REPLICATE_API_TOKEN": account.key,
    }
    with stack_running(tmp_path_factory.mktemp("replicate") / "home", settings) as stack:
        yield stack


@pytest.fixture
async def client(stack: Stack, project: str) -> AsyncIterator[Client]:
    async with stack.client(project) as client:
        yield client


@pytest.mark.parametrize("loss", [None, "drop"])
async def test_a_job_for_replicate_ends_with_its_assets_and_is_paid_once(
    client: Client, account: EmulatedAccount, loss: str | None
) -> None:
    prompt = f"a lighthouse {uuid4().hex}"
    account.plan(prompt, queued=0.1, seconds=0.3, loss=loss)

    job = await client.submit(
        kind="portrait",
        prompt=prompt,
        model="replicate/flux-schnell",
        parameters={"num_images": 2},
    )
    [ended] = await client.finish(job.id)

    assert (ended.status, ended.charged) == ("succeeded", "yes")
    assert [asset.media_type for asset in ended.assets] == ["image/png"] * 2
    assert len(account.accepted(prompt)) == 1


async def test_a_job_with_a_reference_of_ours_brings_it_to_replicate(
    client: Client, account: EmulatedAccount
) -> None:
    drawn = await client.submit(kind="portrait", prompt="a keeper", parameters={"seconds": 0})
    [drawn] = await client.finish(drawn.id)
    prompt = f"the same, older {uuid4().hex}"

    job = await client.submit(
        kind="portrait",
        prompt=prompt,
        model="replicate/flux-kontext-pro",
        references=[{"asset": drawn.assets[0].id}],
    )
    [ended] = await client.finish(job.id)

    [request] = account.accepted(prompt)
    assert ended.status == "succeeded"
    assert request["body"]["input"]["input_image"].startswith(f"{account.url}/v1/files/")


async def test_the_token_is_in_no_log(stack: Stack, account: EmulatedAccount) -> None:
    logs = [log.read_text() for log in (stack.home / "logs").glob("*.log")]

    assert logs
    assert not [log for log in logs if account.key in log]
