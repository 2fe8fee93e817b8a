"""A request whose reply was lost is found only where it can be no other job's: the attack, as whole jobs."""

import pytest

from heliograph.client import Client
from tests.support.emulation.emulator_process import EmulatedAccount
from tests.support.fal.emulator_process import FalAccount
from tests.support.polling import until
from tests.support.records import some_project
from tests.support.stack import Stack

MODELS = {"fal": "fal/flux-schnell", "replicate": "replicate/flux-schnell"}

Account = FalAccount | EmulatedAccount


@pytest.fixture(params=MODELS)
def provider(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def account(provider: str, fal: FalAccount, replicate: EmulatedAccount) -> Account:
    return fal if provider == "fal" else replicate


async def _submit(client: Client, provider: str, prompt: str) -> str:
    """With a seed that the caller chose."""
    job = await client.submit(
        kind="portrait", prompt=prompt, model=MODELS[provider], parameters={"seed": 7}
    )
    return job.id


async def test_a_callers_seed_never_makes_another_projects_request_ones_own(
    stack: Stack, account: Account, provider: str, prompt: str
) -> None:
    async with stack.client(some_project()) as one, stack.client(some_project()) as another:
        first = await _submit(one, provider, prompt)
        await until(one, first, status="succeeded")
        account.plan(prompt, loss="drop", is_listed=False)

        second = await _submit(another, provider, prompt)

        lost = await until(another, second, phase="submit_unknown")

    assert (lost.status, lost.assets, lost.charged) == ("running", [], "unknown")
    assert len(account.accepted(prompt)) == 2


async def test_a_seed_of_ones_own_still_finds_a_lost_request(
    client: Client, account: Account, provider: str, prompt: str
) -> None:
    account.plan(prompt, loss="drop")

    job = await client.submit(kind="portrait", prompt=prompt, model=MODELS[provider])
    ended = await until(client, job.id, status="succeeded")

    assert ended.charged == "yes"
    assert len(account.accepted(prompt)) == 1
