"""From a prompt to scenes, from scenes to shots in their slots, and from shots to moving pictures."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from heliograph.client import Client
from heliograph.contracts.assets import Asset
from heliograph.contracts.batches import Batch
from heliograph.contracts.id_generation import asset_id, new_job_id
from heliograph.contracts.jobs import Job
from heliograph.contracts.scene_markdown import as_markdown
from heliograph.contracts.scenes import Story
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT

FAST = {"seconds": 0}
PROMPT = "a lighthouse keeper who rows out into the storm"


@pytest.fixture
async def http(stack: Stack, project: str) -> AsyncIterator[httpx.AsyncClient]:
    base = f"{stack.url('gateway')}/v1/projects/{project}"
    async with httpx.AsyncClient(base_url=base, timeout=TIMEOUT) as http:
        yield http


async def make(client: Client, **fields: Any) -> Job:
    fields["parameters"] = {**FAST, **fields.get("parameters", {})}
    return await client.wait((await client.submit(**fields)).id)


async def a_story(client: Client, scenes: int = 3) -> Asset:
    job = await make(client, kind="scenes", prompt=PROMPT, parameters={"num_scenes": scenes})
    return job.assets[0]


async def done(client: Client, batch: Batch) -> list[Job]:
    """The shots of a batch, in order."""
    jobs = [item.job.id for item in batch.items if item.job]
    ended = await client.finish(*jobs)
    assert [job.status for job in ended] == ["succeeded"] * len(batch.items)
    return ended


def shows(stack: Stack, job: Job) -> list[str]:
    """The digests of the references that the provider got."""
    [sent] = [each for each in stack.ledger(job.project) if each.job == job.id]
    return sent.references


def digests(*jobs: Job) -> list[str]:
    return [f"sha256:{job.assets[0].sha256}" for job in jobs]


# -- scenes


async def test_a_prompt_becomes_scenes_by_the_schema_with_a_page_to_read(
    stack: Stack, client: Client
) -> None:
    job = await make(client, kind="scenes", prompt=PROMPT)

    [asset] = job.assets
    async with httpx.AsyncClient(
        base_url=stack.url("storage"), follow_redirects=True, timeout=TIMEOUT
    ) as http:
        text = await http.get(f"/v1/assets/{asset.id}/content")
        page = await http.get(f"/v1/assets/{asset.id}/content?variant=markdown")
    story = Story.model_validate_json(text.content)
    assert text.headers["content-type"] == "application/json"
    assert ".json" in text.headers["content-disposition"]
    assert page.headers["content-type"].startswith("text/markdown")
    assert ".md" in page.headers["content-disposition"]
    assert page.text == as_markdown(story)
    assert [scene.number for scene in story.scenes] == [1, 2, 3, 4, 5]
    assert all(scene.shot_prompt.startswith(PROMPT) for scene in story.scenes)


async def test_the_number_of_scenes_has_a_default_and_can_be_requested(client: Client) -> None:
    plain = await client.submit(kind="scenes", prompt=PROMPT)
    named = await make(client, kind="scenes", prompt=PROMPT, parameters={"num_scenes": 2})

    assert plain.parameters == {"num_scenes": 5}
    assert len((await client.story(named.assets[0])).scenes) == 2


# -- shots


async def test_each_scene_becomes_a_shot_in_its_slot(
    client: Client, http: httpx.AsyncClient
) -> None:
    asset = await a_story(client)
    story = await client.story(asset)

    batch = await client.shots_from(
        asset, slots="storm/shot", parameters=FAST, tags={"scenes": "storm"}
    )

    shots = await done(client, batch)
    assert [shot.prompt for shot in shots] == [scene.shot_prompt for scene in story.scenes]
    assert {(shot.kind, shot.lane, shot.parameters["aspect_ratio"]) for shot in shots} == {
        ("shot", "shots", "16:9")
    }
    slots = (await http.get("/slots", params={"prefix": "storm/"})).json()["items"]
    assert {each["slot"]: each["current"]["job"] for each in slots} == {
        f"storm/shot/{number}": shot.id for number, shot in enumerate(shots, start=1)
    }
    assert {job.id async for job in client.jobs(**{"tag.scenes": "storm"})} == {
        shot.id for shot in shots
    }


async def test_repeated_shots_are_submitted_once(client: Client) -> None:
    asset = await a_story(client)
    first = await client.shots_from(asset, parameters=FAST, key="k")
    again = await client.shots_from(asset, parameters=FAST, key="k")
    await done(client, first)

    rest = await client.shots_from(asset, parameters=FAST, only_missing=True)

    assert [item.outcome for item in again.items] == ["replayed"] * 3
    assert [item.outcome for item in rest.items] == ["skipped"] * 3
    assert [i.job.id for i in again.items if i.job] == [i.job.id for i in first.items if i.job]


# -- moving pictures


async def test_a_shot_becomes_a_video(stack: Stack, client: Client) -> None:
    shot = await make(client, kind="shot", prompt="a keeper", slot="shot/1")

    video = await make(
        client,
        kind="video",
        prompt="he rows out",
        slot="video/1",
        references=[{"asset": shot.assets[0].id}],
    )

    assert (video.lane, video.assets[0].media_type) == ("video", "video/mp4")
    assert shows(stack, video) == digests(shot)
    plain = await make(client, kind="video", prompt="he rows out")
    assert plain.assets[0].sha256 != video.assets[0].sha256


async def test_scenes_become_shots_and_those_a_trailer(stack: Stack, client: Client) -> None:
    shots = await done(client, await client.shots_from(await a_story(client), parameters=FAST))

    trailer = await make(
        client,
        kind="trailer",
        prompt=PROMPT,
        slot="trailer/main",
        references=[{"asset": shot.assets[0].id} for shot in shots],
    )

    assert (trailer.lane, trailer.assets[0].media_type) == ("video", "video/mp4")
    assert shows(stack, trailer) == digests(*shots)
    assert trailer.detail is None


async def test_a_trailer_of_more_shots_than_its_model_takes_says_so(
    stack: Stack, client: Client
) -> None:
    story = await a_story(client, scenes=5)
    shots = await done(client, await client.shots_from(story, parameters=FAST))

    trailer = await make(
        client,
        kind="trailer",
        prompt=PROMPT,
        references=[{"asset": shot.assets[0].id} for shot in shots],
    )

    assert trailer.detail == "the first 4 of 5 references are used"
    assert shows(stack, trailer) == digests(*shots[:4])


async def test_a_trailer_can_be_submitted_before_its_shots_exist(
    stack: Stack, client: Client
) -> None:
    batch = await client.shots_from(await a_story(client), parameters={"seconds": 0.5})
    shots = [item.job.id for item in batch.items if item.job]

    submitted = await client.submit(
        kind="trailer",
        prompt=PROMPT,
        after=shots,
        references=[{"asset": asset_id(shot, 0)} for shot in shots],
        parameters=FAST,
    )

    trailer = await client.wait(submitted.id)
    assert shows(stack, trailer) == digests(*await client.finish(*shots))


async def test_a_video_of_a_missing_picture_is_refused(
    client: Client, http: httpx.AsyncClient
) -> None:
    body = {"kind": "video", "prompt": "x", "references": [{"asset": asset_id(new_job_id(), 0)}]}

    response = await http.post("/jobs", json=body)

    assert response.status_code == 422
    assert [each["pointer"] for each in response.json()["errors"]] == ["/references/0"]
