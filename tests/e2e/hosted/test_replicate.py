"""All of Heliograph with an emulated Replicate: made, stored, and paid once."""

import pytest

from heliograph.client import Client
from tests.support.emulation.emulator_process import EmulatedAccount


@pytest.mark.parametrize("loss", [None, "drop"])
async def test_a_job_for_replicate_ends_with_its_assets_and_is_paid_once(
    client: Client, replicate: EmulatedAccount, prompt: str, loss: str | None
) -> None:
    replicate.plan(prompt, queued=0.1, seconds=0.3, loss=loss)

    job = await client.submit(
        kind="portrait",
        prompt=prompt,
        model="replicate/flux-schnell",
        parameters={"num_images": 2},
    )
    [ended] = await client.finish(job.id)

    assert (ended.status, ended.charged) == ("succeeded", "yes")
    assert [asset.media_type for asset in ended.assets] == ["image/png"] * 2
    assert len(replicate.accepted(prompt)) == 1


async def test_a_stored_reference_is_uploaded_to_replicate(
    client: Client, replicate: EmulatedAccount, prompt: str, drawn: dict[str, str]
) -> None:
    job = await client.submit(
        kind="portrait",
        prompt=prompt,
        model="replicate/flux-kontext-pro",
        references=[drawn],
    )
    [ended] = await client.finish(job.id)

    [request] = replicate.accepted(prompt)
    assert ended.status == "succeeded"
    assert request["body"]["input"]["input_image"].startswith(f"{replicate.url}/v1/files/")
