"""Defaults of projects with everything running: what a request leaves out, and what it may not ask."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from heliograph.client import Client
from heliograph.client_errors import RequestRejected
from heliograph.contracts.jobs import Job
from heliograph.contracts.sim import SimRecord
from tests.support.documented import documented_client
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT

FAST = {"seconds": 0}
NOTHING: dict[str, Any] = {
    "models": {},
    "aspect_ratio": None,
    "style": None,
    "locked_model": None,
    "unpriced_max_cost": None,
}


@pytest.fixture
async def http(stack: Stack, project: str) -> AsyncIterator[httpx.AsyncClient]:
    base = f"{stack.url('gateway')}/v1/projects/{project}"
    async with documented_client(base, timeout=TIMEOUT) as http:
        yield http


def here(http: httpx.AsyncClient) -> str:
    return str(http.base_url).rstrip("/")


async def change(http: httpx.AsyncClient, **defaults: Any) -> dict[str, Any]:
    response = await http.patch(here(http), json={"defaults": defaults})
    assert response.status_code == 200, response.text
    changed: dict[str, Any] = response.json()["defaults"]
    return changed


async def refused(http: httpx.AsyncClient, **defaults: Any) -> tuple[int, str, list[str]]:
    """Status, code and pointers of the problem."""
    response = await http.patch(here(http), json={"defaults": defaults})
    problem = response.json()
    return response.status_code, problem["code"], [each["pointer"] for each in problem["errors"]]


async def ask(client: Client, **fields: Any) -> Job:
    body = {"kind": "portrait", "prompt": "a keeper", **fields}
    return await client.submit(**{**body, "parameters": {**FAST, **body.pop("parameters", {})}})


def sent(stack: Stack, job: Job) -> SimRecord:
    """What the provider got."""
    [record] = [each for each in stack.ledger(job.project) if each.job == job.id]
    return record


# -- the project itself


async def test_an_unchanged_project_adds_no_defaults(http: httpx.AsyncClient, project: str) -> None:
    settings = (await http.get(here(http))).json()

    assert (settings["project"], settings["defaults"]) == (project, NOTHING)


async def test_a_change_leaves_what_it_does_not_name(http: httpx.AsyncClient) -> None:
    await change(http, models={"portrait": "sim/edit", "shot": "sim/picture"}, style="oil")
    await change(http, aspect_ratio="3:4")
    changed = await change(http, models={"portrait": None})

    assert changed == NOTHING | {
        "models": {"shot": "sim/picture"},
        "aspect_ratio": "3:4",
        "style": "oil",
    }
    assert (await http.get(here(http))).json()["defaults"] == changed


async def test_what_is_null_goes(http: httpx.AsyncClient) -> None:
    await change(http, models={"shot": "sim/picture"}, style="oil", locked_model="sim/picture")

    assert await change(http, models=None, style=None, locked_model=None) == NOTHING


@pytest.mark.parametrize(
    ("defaults", "code", "pointer"),
    [
        ({"models": {"portrait": "sim/nothing"}}, "unknown_model", "/defaults/models/portrait"),
        ({"models": {"poem": "sim/text"}}, "unknown_kind", "/defaults/models/poem"),
        ({"models": {"portrait": "sim/text"}}, "validation_failed", "/defaults/models/portrait"),
        ({"locked_model": "sim/nothing"}, "unknown_model", "/defaults/locked_model"),
        ({"aspect_ratio": "5:1"}, "validation_failed", "/defaults/aspect_ratio"),
        ({"style": ""}, "validation_failed", "/defaults/style"),
        ({"colour": "blue"}, "validation_failed", "/defaults/colour"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
async def test_what_could_never_be_filled_in_is_refused_where_it_is(
    http: httpx.AsyncClient, defaults: dict[str, Any], code: str, pointer: str
) -> None:
    assert await refused(http, **defaults) == (422, code, [pointer])
    assert (await http.get(here(http))).json()["defaults"] == NOTHING


# -- requests


async def test_the_model_of_the_project_is_used_where_the_request_names_none(
    client: Client, http: httpx.AsyncClient
) -> None:
    await change(http, models={"portrait": "sim/edit"})
    look = {"references": [{"url": "https://example.com/a.png"}]}

    assert (await ask(client, **look)).model == "sim/edit"
    assert (await ask(client, model="sim/picture")).model == "sim/picture"
    assert (await ask(client, kind="image")).model == "sim/picture"


async def test_the_shape_of_the_project_stands_between_the_requests_and_the_kinds(
    client: Client, http: httpx.AsyncClient
) -> None:
    await change(http, aspect_ratio="9:16")

    shapes = [
        (await ask(client, kind="shot")).parameters["aspect_ratio"],
        (await ask(client, kind="shot", parameters={"aspect_ratio": "1:1"})).parameters[
            "aspect_ratio"
        ],
    ]

    assert shapes == ["9:16", "1:1"]


async def test_a_default_aspect_ratio_is_not_sent_to_models_without_one(
    client: Client, http: httpx.AsyncClient
) -> None:
    await change(http, aspect_ratio="21:9")

    assert (await ask(client)).parameters["aspect_ratio"] == "21:9"
    assert "aspect_ratio" not in (await ask(client, kind="video")).parameters
    assert "aspect_ratio" not in (await ask(client, kind="scenes")).parameters


async def test_the_style_goes_into_what_the_provider_gets(
    stack: Stack, client: Client, http: httpx.AsyncClient
) -> None:
    await change(http, style="muted colours, 35 mm film")

    job = await client.wait((await ask(client)).id)

    assert job.prompt == "a keeper"
    assert sent(stack, job).prompt == "a keeper\n\nStyle: muted colours, 35 mm film"


async def test_a_style_is_not_for_texts(
    stack: Stack, client: Client, http: httpx.AsyncClient
) -> None:
    await change(http, style="muted colours, 35 mm film")

    job = await client.wait((await ask(client, kind="scenes")).id)

    assert sent(stack, job).prompt == "a keeper"


async def test_a_retry_keeps_the_style_that_its_job_had(
    stack: Stack, client: Client, http: httpx.AsyncClient
) -> None:
    await change(http, style="oil")
    job = await ask(client, parameters={"fault": "policy"})
    await client.finish(job.id)
    await change(http, style="ink")

    again = await client.retry(job.id, changes={"parameters": FAST})

    assert sent(stack, await client.wait(again.id)).prompt.endswith("Style: oil")


async def test_a_default_that_changed_does_not_make_another_request_of_a_repeated_one(
    client: Client, http: httpx.AsyncClient
) -> None:
    key, slot = uuid4().hex, f"portrait/{uuid4().hex[:8]}"
    await change(http, aspect_ratio="3:4", style="oil", models={"portrait": "sim/picture"})
    first = await ask(client, key=key, slot=slot)
    await change(http, aspect_ratio="1:1", style="ink", models={"portrait": "sim/edit"})

    again = await ask(client, key=key, slot=slot)

    assert again.id == first.id
    assert (again.model, again.parameters) == (first.model, first.parameters)


async def test_another_style_is_another_picture_for_a_busy_slot(
    client: Client, http: httpx.AsyncClient
) -> None:
    long = {"slot": "portrait/char-123", "parameters": {"seconds": 30}}
    await change(http, style="oil")
    first = await ask(client, **long)
    assert (await ask(client, **long)).deduplicated
    await change(http, style="ink")

    with pytest.raises(RequestRejected) as error:
        await ask(client, **long)

    assert error.value.problem.code == "slot_busy"
    await client.cancel(first.id)


# -- a locked model


async def test_a_locked_model_makes_everything_of_its_sort(
    client: Client, http: httpx.AsyncClient
) -> None:
    await change(http, models={"portrait": "sim/edit"}, locked_model="sim/picture")

    assert (await ask(client)).model == "sim/picture"
    assert (await ask(client, kind="image", model="sim/picture")).model == "sim/picture"
    assert (await ask(client, kind="video")).model == "sim/motion"


async def test_a_locked_model_refuses_another(client: Client, http: httpx.AsyncClient) -> None:
    await change(http, locked_model="sim/picture")

    with pytest.raises(RequestRejected) as error:
        await ask(client, model="sim/edit", references=[{"url": "https://example.com/a.png"}])

    problem = error.value.problem
    assert (problem.status, problem.code) == (409, "model_locked")
    assert [each.pointer for each in problem.errors] == ["/model"]
    assert [each.patch for each in problem.next_actions] == [{"model": "sim/picture"}]


async def test_a_retry_uses_a_model_that_was_locked_since(
    client: Client, http: httpx.AsyncClient
) -> None:
    look = {"references": [{"url": "https://example.com/a.png"}]}
    job = await ask(client, model="sim/edit", parameters={"fault": "reject"}, **look)
    await client.finish(job.id)
    await change(http, locked_model="sim/picture")

    with pytest.raises(RequestRejected) as error:
        await client.retry(job.id)
    again = await client.retry(job.id, changes={"model": "sim/picture", "parameters": FAST})

    assert error.value.problem.code == "model_locked"
    assert again.model == "sim/picture"


# -- several gateways


async def test_a_change_holds_at_once_where_it_was_made_and_soon_everywhere(
    stack: Stack, project: str
) -> None:
    with stack.another("gateway") as (_, another):
        async with httpx.AsyncClient(timeout=TIMEOUT) as http:
            gateways = (stack.url("gateway"), another)
            for number, shape in enumerate(["3:4", "9:16", "16:9"]):
                here, there = gateways[number % 2], gateways[(number + 1) % 2]
                patch = {"defaults": {"aspect_ratio": shape}}
                await http.patch(f"{here}/v1/projects/{project}", json=patch)

                assert await shape_of_a_job(http, here, project) == shape
                while await shape_of_a_job(http, there, project) != shape:
                    pass


async def shape_of_a_job(http: httpx.AsyncClient, gateway: str, project: str) -> str | None:
    body = {"kind": "portrait", "prompt": "a keeper", "parameters": FAST}
    response = await http.post(f"{gateway}/v1/projects/{project}/jobs", json=body)
    shape: str | None = response.json()["parameters"].get("aspect_ratio")  # null: of no default yet
    return shape
