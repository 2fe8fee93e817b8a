"""What a project keeps no longer goes with everything running: objects and rows, and nothing else."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from minio import Minio

from heliograph.client import Client
from heliograph.client_errors import RequestRejected
from heliograph.contracts.assets import Asset
from heliograph.contracts.id_generation import job_of_asset
from heliograph.contracts.jobs import Job
from heliograph.runtime.crash_points import VARIABLE
from heliograph.runtime.data_dir import DataDir
from services.status.settings import StatusSettings
from tests.support.documented import documented_client
from tests.support.records import some_project
from tests.support.stack import Stack, stack_running
from tests.support.timeouts import TIMEOUT
from tests.support.watcher import watching

SLOT = "portrait/char-123"
FAST = {"seconds": 0}
FAILS = {"seconds": 0, "fault": "reject"}
OBJECTS = 3  #: of a picture: itself and two variants

#: rounds only when somebody asks for one; half an hour of live snapshots lasts a second
SETTINGS = {
    "HELIOGRAPH_RETENTION_INTERVAL": "600",
    "HELIOGRAPH_OBJECT_GRACE_PERIOD": "0.3",
    "HELIOGRAPH_SNAPSHOT_KEEPS_FINISHED_FOR": "PT1S",
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with stack_running(tmp_path_factory.mktemp("home"), SETTINGS, preloaded=True) as stack:
        yield stack


@pytest.fixture
async def client(stack: Stack, project: str) -> AsyncIterator[Client]:
    async with stack.client(project) as client:
        yield client


@pytest.fixture
async def http(stack: Stack, project: str) -> AsyncIterator[httpx.AsyncClient]:
    base = f"{stack.url('gateway')}/v1/projects/{project}"
    async with documented_client(base, timeout=TIMEOUT) as http:
        yield http


def here(http: httpx.AsyncClient) -> str:
    return str(http.base_url).rstrip("/")


async def ask(client: Client, **fields: Any) -> Job:
    body = {"kind": "portrait", "prompt": "a keeper", "parameters": FAST, **fields}
    return await client.submit(**body)


async def make(client: Client, **fields: Any) -> Job:
    return await client.wait((await ask(client, **fields)).id)


async def make_versions(client: Client, count: int) -> list[Job]:
    return [await make(client, slot=SLOT, prompt=f"keeper {n}") for n in range(count)]


async def keep(http: httpx.AsyncClient, **retention: Any) -> dict[str, Any]:
    response = await http.patch(here(http), json={"retention": retention})
    assert response.status_code == 200, response.text
    kept: dict[str, Any] = response.json()["retention"]
    return kept


def stored(stack: Stack, project: str) -> dict[str, int]:
    """How many objects the store has of each job of a project, by its own list."""
    key, secret = DataDir(stack.home).s3_credentials()
    endpoint = f"127.0.0.1:{stack.ports['s3']}"
    client = Minio(endpoint, key, secret.get_secret_value(), secure=False, region="us-east-1")
    counts: dict[str, int] = {}
    for each in client.list_objects("heliograph", prefix=f"p/{project}/job_", recursive=True):
        job = str(each.object_name).split("/")[2]
        counts[job] = counts.get(job, 0) + 1
    return counts


async def until_stored(stack: Stack, *jobs: Job) -> None:
    """Until the store has the objects of these jobs of their project, and no others."""
    expected = {job.id: OBJECTS for job in jobs}
    objects: dict[str, int] = {}
    try:
        async with asyncio.timeout(TIMEOUT):
            while (objects := stored(stack, jobs[0].project)) != expected:
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"the store has {objects}, not {expected}") from None


async def versions(http: httpx.AsyncClient) -> dict[int, str]:
    slot = (await http.get(f"/slots/{SLOT}")).json()
    return {each["version"]: each["job"] for each in slot["versions"]}


async def current(http: httpx.AsyncClient) -> int:
    return int((await http.get(f"/slots/{SLOT}")).json()["current"]["version"])


async def restore(http: httpx.AsyncClient, version: int) -> httpx.Response:
    return await http.post("/restore", json={"slot": SLOT, "version": version})


async def listed(client: Client) -> set[str]:
    return {job.id async for job in client.jobs()}


async def look_at(stack: Stack, asset: Asset, of: str = "") -> httpx.Response:
    async with httpx.AsyncClient(base_url=stack.url("storage"), timeout=TIMEOUT) as http:
        return await http.get(f"/v1/assets/{asset.id}{of}")


# -- what a project keeps


async def test_a_project_that_says_nothing_keeps_everything(
    stack: Stack, client: Client, http: httpx.AsyncClient
) -> None:
    jobs = await make_versions(client, 2)

    report = await client.cleanup()

    assert (report.jobs, report.objects, report.bytes) == (0, 0, 0)
    assert (await http.get(here(http))).json()["retention"] == {
        "versions": None,
        "days": None,
        "failed_days": None,
        "kinds": {},
    }
    await until_stored(stack, *jobs)


async def test_what_is_kept_is_set_beside_what_is_filled_in(http: httpx.AsyncClient) -> None:
    await http.patch(here(http), json={"defaults": {"style": "oil"}})
    await keep(http, versions=5, kinds={"shot": {"versions": 2}, "video": {"days": 7.5}})

    kept = await keep(http, days=90, kinds={"video": None})

    state = (await http.get(here(http))).json()
    assert kept == state["retention"]
    assert (kept["versions"], kept["days"]) == (5, 90)
    assert set(kept["kinds"]) == {"shot"}
    assert state["defaults"]["style"] == "oil"


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({}, "validation_failed", ""),
        ({"retention": {"versions": 0}}, "validation_failed", "/retention/versions"),
        ({"retention": {"days": -1}}, "validation_failed", "/retention/days"),
        ({"retention": {"hours": 1}}, "validation_failed", "/retention/hours"),
        ({"retention": {"kinds": {"poem": {"days": 1}}}}, "unknown_kind", "/retention/kinds/poem"),
    ],
    ids=str,
)
async def test_an_invalid_retention_rule_is_refused_with_a_pointer(
    http: httpx.AsyncClient, body: dict[str, Any], code: str, pointer: str
) -> None:
    response = await http.patch(here(http), json=body)

    problem = response.json()
    assert (response.status_code, problem["code"]) == (422, code)
    assert [each["pointer"] for each in problem["errors"]] == [pointer]


async def test_a_change_is_made_on_the_project_and_not_on_the_way(http: httpx.AsyncClient) -> None:
    response = await http.post("/cleanup", json={"retention": {"days": 1}})

    assert response.status_code == 422
    assert [each["pointer"] for each in response.json()["errors"]] == ["/retention"]


# -- a look before


async def test_a_dry_run_says_what_would_go_and_takes_nothing(
    stack: Stack, client: Client, http: httpx.AsyncClient
) -> None:
    jobs = await make_versions(client, 4)
    await keep(http, versions=3)

    report = await client.cleanup(dry_run=True)
    stricter = await client.cleanup(dry_run=True, versions=1, kinds={"shot": {"days": 0}})

    sizes = [
        sum([asset.bytes, *(variant.bytes for variant in asset.variants.values())])
        for job in jobs
        for asset in job.assets
    ]
    assert (report.jobs, report.objects, report.bytes) == (1, OBJECTS, sizes[0])
    assert [(each.id, each.version, each.reason) for each in report.items] == [
        (jobs[0].id, 1, "versions")
    ]
    assert report.spared.current == 0
    assert {kind: amount.jobs for kind, amount in report.kinds.items()} == {"portrait": 1}
    assert (stricter.jobs, stricter.bytes) == (3, sum(sizes[:3]))
    assert (await http.get(here(http))).json()["retention"]["versions"] == 3
    await until_stored(stack, *jobs)
    assert len(await versions(http)) == 4


async def test_a_dry_run_counts_what_only_just_stays(
    client: Client, http: httpx.AsyncClient
) -> None:
    await make_versions(client, 3)
    await restore(http, 1)
    loose = await make(client)
    user = await ask(client, parameters={"seconds": 30}, references=[{"asset": loose.assets[0].id}])

    report = await client.cleanup(dry_run=True, days=0)

    assert [each.version for each in report.items] == [2]
    assert (report.spared.current, report.spared.in_use) == (2, 1)
    await client.cancel(user.id)


# -- objects and rows


async def test_old_versions_go_with_their_objects_and_keep_their_numbers(
    stack: Stack, client: Client, http: httpx.AsyncClient
) -> None:
    jobs = await make_versions(client, 4)
    await keep(http, versions=2)

    report = await client.cleanup()

    assert {each.id for each in report.items} == {jobs[0].id, jobs[1].id}
    await until_stored(stack, *jobs[2:])
    assert await versions(http) == {3: jobs[2].id, 4: jobs[3].id}
    assert await current(http) == 4
    assert await listed(client) == {jobs[2].id, jobs[3].id}
    again = await make(client, slot=SLOT, prompt="keeper 5")
    assert await versions(http) == {3: jobs[2].id, 4: jobs[3].id, 5: again.id}


async def test_an_asset_that_went_says_that_it_was_there(
    stack: Stack, client: Client, http: httpx.AsyncClient
) -> None:
    job = await make(client)
    await keep(http, days=0)
    await client.cleanup()
    await until_gone(client, job)
    [asset] = job.assets

    gone = await look_at(stack, asset)
    bytes_ = await look_at(stack, asset, "/content")
    thumbnail = await look_at(stack, asset, "/content?variant=thumbnail")
    never = await look_at(stack, asset.model_copy(update={"id": asset.id[:-1] + "7"}))

    for response in (gone, bytes_, thumbnail):
        assert (response.status_code, response.json()["code"]) == (410, "output_gone")
    assert (never.status_code, never.json()["code"]) == (404, "not_found")


async def test_a_job_that_went_still_answers_to_its_name_and_to_its_key(
    stack: Stack, client: Client, http: httpx.AsyncClient
) -> None:
    job = await client.wait((await ask(client, key="k")).id)
    await keep(http, days=0)
    await client.cleanup()
    await until_stored_nothing(stack, client.project)

    kept = await client.get(job.id)
    replayed = await ask(client, key="k")

    assert (kept.status, kept.assets, kept.finished_at) == ("succeeded", [], job.finished_at)
    assert kept.pruned_at
    assert replayed.id == job.id
    assert len(stack.ledger(client.project)) == 1
    assert await listed(client) == set()
    events = (await http.get(f"{stack.url('gateway')}/v1/jobs/{job.id}/events")).json()["items"]
    assert [each["type"].split(".")[2] for each in events][-2:] == ["succeeded", "pruned"]


async def test_live_clients_receive_prune_events(
    stack: Stack, client: Client, http: httpx.AsyncClient, project: str
) -> None:
    job = await make(client)
    await keep(http, days=0)

    async with watching(stack.live, project=project) as watcher:
        await watcher.until(lambda frame: frame["op"] == "snapshot")
        await client.cleanup()
        frame = await watcher.until(lambda f: f.get("type") == "heliograph.job.pruned.v1")

    assert (frame["job"]["id"], frame["job"]["assets"]) == (job.id, [])
    assert (frame["job"]["status"], frame["job"]["revision"]) == ("succeeded", job.revision + 1)


async def test_jobs_without_a_result_go_from_lists_and_cards(
    stack: Stack, client: Client, http: httpx.AsyncClient
) -> None:
    kept = await make(client, slot=SLOT)
    failed = await ask(client, slot=SLOT, parameters=FAILS)
    await client.finish(failed.id)
    assert len((await http.get(f"/slots/{SLOT}")).json()["failures"]) == 1
    await keep(http, failed_days=0)

    await client.cleanup()

    async with asyncio.timeout(TIMEOUT):
        while failed.id in await listed(client):
            await asyncio.sleep(0.05)
    slot = (await http.get(f"/slots/{SLOT}")).json()
    assert (slot["failures"], slot["current"]["job"]) == ([], kept.id)
    await until_stored(stack, kept)


async def test_a_rule_of_a_kind_is_for_that_kind(
    stack: Stack, client: Client, http: httpx.AsyncClient
) -> None:
    shot, portrait = await make(client, kind="shot"), await make(client)
    await keep(http, kinds={"shot": {"days": 0}})

    await client.cleanup()

    await until_stored(stack, portrait)
    assert (await client.get(shot.id)).pruned_at


# -- what stays


async def test_a_restored_version_stays_until_it_is_not_current_any_more(
    stack: Stack, client: Client, http: httpx.AsyncClient
) -> None:
    jobs = await make_versions(client, 4)
    await restore(http, 2)
    await keep(http, versions=1)

    await client.cleanup()

    await until_stored(stack, jobs[1], jobs[3])
    assert await versions(http) == {2: jobs[1].id, 4: jobs[3].id}
    assert await current(http) == 2
    again = await make(client, slot=SLOT, prompt="better")
    await client.cleanup()
    await until_stored(stack, again)
    assert await versions(http) == {5: again.id}


async def test_a_version_that_went_cannot_be_restored(
    stack: Stack, client: Client, http: httpx.AsyncClient
) -> None:
    jobs = await make_versions(client, 3)
    await keep(http, versions=2)
    await client.cleanup()
    await until_stored(stack, *jobs[1:])

    gone, never = await restore(http, 1), await restore(http, 9)
    there = await restore(http, 2)

    assert (gone.status_code, gone.json()["code"]) == (410, "output_gone")
    assert (never.status_code, there.status_code) == (404, 200)
    assert await current(http) == 2


async def test_what_an_open_job_works_from_stays_until_it_is_done(
    stack: Stack, client: Client, http: httpx.AsyncClient
) -> None:
    old, other = await make(client), await make(client, prompt="another")
    user = await ask(
        client,
        kind="cast_ref",
        model="sim/edit",
        slot="cast/alice/ref_a",
        parameters={"seconds": 4},
        references=[{"asset": old.assets[0].id}],
    )
    await keep(http, days=0)

    await client.cleanup()
    await until_gone(client, other)
    assert (await client.get(old.id)).pruned_at is None
    assert (await client.get(user.id)).finished_at is None
    done = await client.wait(user.id)
    await client.cleanup()

    await until_stored(stack, done)
    assert (await client.get(old.id)).pruned_at
    [sent] = [each for each in stack.ledger(client.project) if each.job == user.id]
    assert sent.references == [f"sha256:{old.assets[0].sha256}"]


async def test_a_result_stays_while_another_job_was_given_it(
    stack: Stack, client: Client, http: httpx.AsyncClient
) -> None:
    maker = await make(client)
    again = await make(client, slot=SLOT, reuse=True)
    assert job_of_asset(again.assets[0].id)[0] == maker.id
    await keep(http, days=0)

    report = await client.cleanup()

    assert (report.jobs, report.spared.in_use) == (0, 1)
    await make(client, slot=SLOT, prompt="another")
    await client.cleanup()
    await until_gone(client, again)
    await client.cleanup()
    await until_gone(client, maker)
    assert (await look_at(stack, maker.assets[0])).status_code == 410


async def test_what_went_cannot_be_worked_from(
    stack: Stack, client: Client, http: httpx.AsyncClient
) -> None:
    old = await make(client)
    await keep(http, days=0)
    await client.cleanup()
    await until_gone(client, old)

    with pytest.raises(RequestRejected) as error:
        await ask(client, model="sim/edit", references=[{"asset": old.assets[0].id}])

    assert error.value.problem.status == 422
    assert [each.pointer for each in error.value.problem.errors] == ["/references/0"]


async def test_other_projects_lose_nothing(
    stack: Stack, client: Client, http: httpx.AsyncClient
) -> None:
    async with stack.client(some_project()) as neighbour:
        theirs = await make(neighbour)
        mine = await make(client)
        await keep(http, days=0)

        await client.cleanup()

        await until_gone(client, mine)
        await until_stored(stack, theirs)


# -- what leaves the live snapshot


async def test_what_is_over_for_a_while_leaves_the_snapshot_and_not_the_history(
    stack: Stack, client: Client, http: httpx.AsyncClient, project: str
) -> None:
    job = await make(client, slot=SLOT)
    old = (await http.get(f"{stack.url('gateway')}/v1/jobs/{job.id}/events")).json()

    async with asyncio.timeout(TIMEOUT):
        while job.id in await snapshot(stack, project):
            await asyncio.sleep(0.1)

    assert await listed(client) == {job.id}
    assert await versions(http) == {1: job.id}
    assert [asset.sha256 for asset in (await client.get(job.id)).assets] == [job.assets[0].sha256]
    new = (await http.get(f"{stack.url('gateway')}/v1/jobs/{job.id}/events")).json()
    assert [each["sequence"] for each in new["items"]] == [e["sequence"] for e in old["items"]]


async def snapshot(stack: Stack, project: str) -> set[str]:
    async with watching(stack.live, project=project) as watcher:
        frame = await watcher.until(lambda frame: frame["op"] == "snapshot")
    return {job["id"] for job in frame["jobs"]}


# -- crashes


async def test_what_went_stays_gone_when_the_read_model_is_made_anew(
    stack: Stack, client: Client, http: httpx.AsyncClient
) -> None:
    jobs = await make_versions(client, 3)
    await keep(http, versions=1)
    await client.cleanup()
    await until_stored(stack, jobs[2])

    forget(stack)
    old = stack.pid("status")
    assert old
    stack.kill("status")
    stack.until_restarted("status", old)
    async with asyncio.timeout(TIMEOUT):
        while await versions_or_none(http) != {3: jobs[2].id}:
            await asyncio.sleep(0.1)

    assert await listed(client) == {jobs[2].id}
    assert await current(http) == 3
    assert (await look_at(stack, jobs[0].assets[0])).status_code == 410
    assert stored(stack, client.project) == {jobs[2].id: OBJECTS}


def forget(stack: Stack) -> None:
    """The read model is of another history: status makes it anew when it starts."""
    with (
        closing(
            sqlite3.connect(StatusSettings(home=stack.home).sqlite_file, timeout=10)
        ) as database,
        database,
    ):
        database.execute("UPDATE cursors SET epoch = 'another'")


async def versions_or_none(http: httpx.AsyncClient) -> dict[int, str] | None:
    response = await http.get(f"/slots/{SLOT}")
    if response.status_code != 200:
        return None
    return {each["version"]: each["job"] for each in response.json()["versions"]}


@pytest.mark.parametrize("point", ["clean.withdrawn", "clean.pruned", "clean.removed"])
async def test_a_death_on_the_way_is_made_up_for(
    crashing: tuple[Stack, Path], point: str, project: str
) -> None:
    """Nobody asks for a round here: they come by themselves."""
    stack, crashes = crashing
    base = f"{stack.url('gateway')}/v1/projects/{project}"
    async with (
        stack.client(project) as client,
        httpx.AsyncClient(base_url=base, timeout=TIMEOUT) as http,
    ):
        jobs = await make_versions(client, 3)
        old = stack.pid("status")
        assert old
        (crashes / point).touch()

        await keep(http, versions=1)

        stack.until_restarted("status", old)
        await until_stored(stack, jobs[2])
        for job in jobs[:2]:
            await until_gone(client, job)
        async with asyncio.timeout(TIMEOUT):
            while await versions_or_none(http) != {3: jobs[2].id}:
                await asyncio.sleep(0.1)
        for job in jobs[:2]:
            events = (await http.get(f"{stack.url('gateway')}/v1/jobs/{job.id}/events")).json()
            pruned = [e for e in events["items"] if e["type"] == "heliograph.job.pruned.v1"]
            assert len(pruned) == 1
    assert not (crashes / point).exists()


@pytest.fixture(scope="module")
def crashing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, Path]]:
    """Status dies where a file says so, and starts again at once."""
    crashes = tmp_path_factory.mktemp("crashes")
    settings = {
        **SETTINGS,
        VARIABLE: str(crashes),
        "HELIOGRAPH_RETENTION_INTERVAL": "0.3",
        "HELIOGRAPH_RESTART_PAUSE": "0.2",
    }
    with stack_running(tmp_path_factory.mktemp("home"), settings, preloaded=True) as stack:
        yield stack, crashes


async def until_gone(client: Client, job: Job) -> None:
    async with asyncio.timeout(TIMEOUT):
        while (await client.get(job.id)).pruned_at is None:
            await asyncio.sleep(0.05)


async def until_stored_nothing(stack: Stack, project: str) -> None:
    async with asyncio.timeout(TIMEOUT):
        while stored(stack, project):
            await asyncio.sleep(0.05)
