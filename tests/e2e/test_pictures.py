"""A prompt becomes a picture, and nothing that users do on the way loses it or doubles it."""

import hashlib
from pathlib import Path

from heliograph.client import Client
from tests.support.documented import documented_client
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT
from tests.support.watcher import ends, watching

FAST = {"seconds": 0.2}


async def test_a_prompt_becomes_a_picture_whose_bytes_match(client: Client, tmp_path: Path) -> None:
    job = await client.submit(kind="portrait", prompt="a lighthouse keeper", parameters=FAST)

    done = await client.wait(job.id)

    [asset] = done.assets
    file = await client.download(asset, tmp_path / "keeper.png")
    assert hashlib.sha256(file.read_bytes()).hexdigest() == asset.sha256
    assert len(file.read_bytes()) == asset.bytes
    assert set(asset.variants) == {"thumbnail", "webp"}
    assert asset.variants["thumbnail"].thumbhash
    assert done.charged == "no"


async def test_the_same_request_gives_the_same_bytes(client: Client) -> None:
    jobs = [
        await client.submit(kind="image", prompt="two of a kind", parameters={**FAST, "seed": 3})
        for _ in range(2)
    ]

    one, other = await client.finish(*(job.id for job in jobs))

    assert one.assets[0].sha256 == other.assets[0].sha256


async def test_several_pictures_of_one_job_are_different(client: Client) -> None:
    parameters = {**FAST, "num_images": 3}
    job = await client.submit(kind="image", prompt="a triptych", parameters=parameters)

    done = await client.wait(job.id)

    assert [asset.index for asset in done.assets] == [0, 1, 2]
    assert len({asset.sha256 for asset in done.assets}) == 3


async def test_a_video_and_a_text_are_kept_as_well(client: Client) -> None:
    video = await client.submit(kind="video", prompt="waves", parameters={**FAST})
    text = await client.submit(kind="scenes", prompt="a storm", parameters={**FAST})

    done = await client.finish(video.id, text.id)

    assert [job.assets[0].media_type for job in done] == ["video/mp4", "application/json"]


async def test_the_poster_of_a_film_is_led_to(stack: Stack, client: Client) -> None:
    job = await client.submit(kind="video", prompt="waves", parameters={**FAST})
    [film] = (await client.wait(job.id)).assets

    async with documented_client(stack.url("storage"), "storage", timeout=TIMEOUT) as storage:
        way = await storage.get(f"/v1/assets/{film.id}/content?variant=poster")
        poster = await storage.get(way.headers["location"])

    assert poster.headers["content-type"] == "image/webp"
    assert len(poster.content) == film.variants["poster"].bytes


async def test_a_picture_is_edited_from_another(client: Client) -> None:
    first = await client.wait(
        (await client.submit(kind="image", prompt="a hut", parameters=FAST)).id
    )
    edit = await client.submit(
        kind="cast_ref",
        prompt="a hut",
        edit_prompt="add snow",
        model="sim/edit",
        references=[{"asset": first.assets[0].id}],
        parameters=FAST,
    )

    done = await client.wait(edit.id)

    assert done.assets[0].sha256 != first.assets[0].sha256


async def test_a_new_client_gets_exactly_the_missed_events(
    stack: Stack, client: Client, project: str
) -> None:
    async with watching(stack.live, project=project) as all_along:
        subscribed = await all_along.next()
        await all_along.until(lambda frame: frame["op"] == "caught_up")
        jobs = [
            await client.submit(kind="portrait", prompt=f"face {n}", parameters={"seconds": 3})
            for n in range(3)
        ]
        async with watching(stack.live, project=project) as leaving:
            seen = (await leaving.until(lambda f: f["op"] == "event"))["sequence"]
        await client.finish(*(job.id for job in jobs))

        after = {"epoch": subscribed["epoch"], "sequence": seen}
        async with watching(stack.live, project=project, after=after) as coming_back:
            first = await coming_back.next()
            while sum(f["job"]["status"] == "succeeded" for f in coming_back.events()) < 3:
                await coming_back.next()
        while sum(f["job"]["status"] == "succeeded" for f in all_along.events()) < 3:
            await all_along.next()

    assert first["recovered"] is True
    missed = [f["sequence"] for f in all_along.events() if f["sequence"] > seen]
    assert [f["sequence"] for f in coming_back.events()] == missed


async def test_a_job_is_watched_from_the_first_step_to_the_last(
    stack: Stack, client: Client, project: str
) -> None:
    async with watching(stack.live, project=project) as watcher:
        await watcher.until(lambda f: f["op"] == "snapshot")
        job = await client.submit(
            kind="image", prompt="steps", parameters={"seconds": 3, "steps": 12}
        )
        await watcher.until(ends(job.id))

    names = [frame["type"].split(".")[2] for frame in watcher.events()]
    assert names == ["accepted", "started", "submitting", "submitted", "rendered", "succeeded"]
    reports = [f["progress"]["percent"] for f in watcher.frames if f["op"] == "progress"]
    shown = [percent for percent in reports if percent is not None]
    assert shown == sorted(shown)
    assert len(set(shown)) >= 2
