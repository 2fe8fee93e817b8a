"""The HTTP contract: every response has its shape, and every mistake its problem."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from heliograph.contracts.id_generation import new_job_id
from tests.support.documented import documented_client
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT

JOBS = "/v1/projects/{project}/jobs"
BODY = {"kind": "image", "prompt": "a lighthouse", "parameters": {"seconds": 0}}


@pytest.fixture
async def http(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with documented_client(stack.url("gateway"), timeout=TIMEOUT) as http:
        yield http


def jobs_of(project: str) -> str:
    return JOBS.format(project=project)


async def _problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    problem: dict[str, Any] = response.json()
    assert (response.status_code, problem["code"]) == (status, code), problem
    assert response.headers["content-type"] == "application/problem+json"
    assert problem["status"] == status
    assert problem["title"]
    assert problem["type"] == f"/problems/{code}"
    return problem


async def test_a_job_is_accepted_with_its_address(http: httpx.AsyncClient, project: str) -> None:
    response = await http.post(jobs_of(project), json=BODY)

    job = response.json()
    assert response.status_code == 202
    assert response.headers["location"] == job["links"]["self"]
    assert job["status"] == "queued"
    assert job["revision"] == 1
    assert job["sequence"] > 0
    assert "internal" not in job
    assert (await http.get(job["links"]["self"])).json()["id"] == job["id"]


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 400, "malformed_request"),
        (b"   ", 400, "malformed_request"),
        (b"{", 400, "malformed_request"),
        (b"\xff\xfe{}", 400, "malformed_request"),
        (b'{"prompt": NaN}', 400, "malformed_request"),
        (b'{"prompt": 1' + b"0" * 5000 + b"}", 400, "malformed_request"),
        (b"[]", 422, "validation_failed"),
        (b'"text"', 422, "validation_failed"),
        (b"null", 422, "validation_failed"),
        (b'{"a":' * 70 + b"1" + b"}" * 70, 422, "validation_failed"),
        (b"[" * 100_000, 422, "validation_failed"),
        (b'{"kind": "image", "prompt": "\\u0000"}', 422, "validation_failed"),
        (b'{"kind": "image", "prompt": "\\ud800"}', 422, "validation_failed"),
        (
            b'{"kind": "image", "prompt": "x", "parameters": {"seed": 1e999}}',
            422,
            "validation_failed",
        ),
        (b'{"kind": "nonsense", "prompt": "x"}', 422, "unknown_kind"),
        (b'{"kind": "image", "prompt": "x", "model": "sim/nonsense"}', 422, "unknown_model"),
        (b'{"kind": "image", "prompt": "' + b"x" * 1_100_000 + b'"}', 413, "body_too_large"),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_an_invalid_body_is_refused(
    http: httpx.AsyncClient, project: str, content: bytes, status: int, code: str
) -> None:
    await _problem(await http.post(jobs_of(project), content=content), status, code)


async def test_a_large_body_without_a_length_is_refused(
    http: httpx.AsyncClient, project: str
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 100_000

    response = await http.post(jobs_of(project), content=chunks())

    await _problem(response, 413, "body_too_large")


@pytest.mark.parametrize(
    ("field", "value", "pointer"),
    [
        ("prompt", "", "/prompt"),
        ("prompt", "x" * 20_001, "/prompt"),
        ("slot", "no spaces", "/slot"),
        ("slot", "/".join("123456789"), "/slot"),
        ("references", [{"url": "https://x.example/a.png"}] * 17, "/references"),
        ("references", [{}], "/references/0"),
        ("references", [{"asset": f"ast_{'0' * 26}_0"}], "/references/0"),
        ("references", [{"upload": f"sha256:{'0' * 64}"}], "/references/0"),
        ("references", [{"url": "ftp://x.example"}], "/references/0/url"),
        ("parameters", {"aspect_ratio": "7:1"}, "/parameters/aspect_ratio"),
        ("parameters", {"nonsense": 1}, "/parameters"),
        ("arguments", {"x": "y" * 40_000}, "/arguments"),
        ("priority", "urgent", "/priority"),
        ("user", "u" * 129, "/user"),
        ("tags", {f"t{n}": "x" for n in range(17)}, "/tags"),
        ("finish_by", "2020-01-01T00:00:00Z", "/finish_by"),
        ("finish_by", "tomorrow", "/finish_by"),
        ("unknown_field", 1, "/unknown_field"),
        ("after", [f"job_{'0' * 26}"], "/after/0"),
        ("quote", "q", "/quote"),
        ("max_references", 1, "/max_references"),
        ("model", "sim/motion", "/model"),
        ("model", "sim/text", "/model"),
        ("on_ambiguous", {"action": "resubmit"}, "/on_ambiguous"),
    ],
)
async def test_a_wrong_field_is_pointed_at(
    http: httpx.AsyncClient, project: str, field: str, value: Any, pointer: str
) -> None:
    body = {**BODY, field: value}

    response = await http.post(jobs_of(project), json=body)

    problem = await _problem(response, 422, "validation_failed")
    assert pointer in [error["pointer"] for error in problem["errors"]]


async def test_what_does_not_exist_is_not_found(http: httpx.AsyncClient) -> None:
    for path in (
        "/nonsense",
        "/v1/jobs/nonsense",
        f"/v1/jobs/{new_job_id()}",
        f"/v1/jobs/{new_job_id()}/events",
        f"/v1/jobs/{new_job_id()}/attempts",
        f"/v1/jobs/{new_job_id()}/cancel",
        "/v1/models/sim/nonsense",
        "/v1/projects/no%20spaces/jobs",
    ):
        await _problem(await http.get(path), 404, "not_found")


async def test_a_wrong_method_is_not_allowed(http: httpx.AsyncClient, project: str) -> None:
    await _problem(await http.delete(jobs_of(project)), 405, "method_not_allowed")


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "limit=x", "nonsense=1", "status=odd", "cursor=!!", "created_after=1x",
     "limit=1&limit=2", "tag=x"],
)  # fmt: skip
async def test_an_unknown_or_ill_formed_query_is_pointed_at(
    http: httpx.AsyncClient, project: str, query: str
) -> None:
    response = await http.get(f"{jobs_of(project)}?{query}")

    problem = await _problem(response, 422, "validation_failed")
    assert problem["errors"][0]["pointer"] == f"/query/{query.partition('=')[0]}"


@pytest.mark.parametrize("key", ["", "with space", "x" * 256, "tab\there", "ümlaut"])
async def test_a_key_has_visible_characters_only(
    http: httpx.AsyncClient, project: str, key: str
) -> None:
    headers = {"Idempotency-Key": key.encode()}

    response = await http.post(jobs_of(project), json=BODY, headers=headers)  # type: ignore[arg-type]  # bytes are a header value too

    await _problem(response, 400, "idempotency_key_invalid")


async def test_what_costs_money_needs_a_key(http: httpx.AsyncClient, project: str) -> None:
    body = {**BODY, "parameters": {"seconds": 0, "price": 0.01}}

    await _problem(await http.post(jobs_of(project), json=body), 400, "idempotency_key_required")


async def test_a_price_over_the_limit_is_refused(http: httpx.AsyncClient, project: str) -> None:
    body = {**BODY, "parameters": {"price": "0.02"}, "max_cost": "0.01"}

    response = await http.post(jobs_of(project), json=body, headers={"Idempotency-Key": "k"})

    await _problem(response, 402, "over_max_cost")


async def test_a_key_is_always_the_same_job(http: httpx.AsyncClient, project: str) -> None:
    headers = {"Idempotency-Key": uuid4().hex}
    first = await http.post(jobs_of(project), json=BODY, headers=headers)

    spelled = {**BODY, "priority": "normal", "model": "sim/picture", "references": []}
    again = await http.post(jobs_of(project), json=spelled, headers=headers)

    assert again.status_code == 202
    assert again.json()["id"] == first.json()["id"]
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers


async def test_a_key_stands_for_one_body(http: httpx.AsyncClient, project: str) -> None:
    headers = {"Idempotency-Key": "k"}
    await http.post(jobs_of(project), json=BODY, headers=headers)

    other = {**BODY, "prompt": "something else"}
    response = await http.post(jobs_of(project), json=other, headers=headers)

    await _problem(response, 422, "idempotency_key_reused")


async def test_a_key_of_another_project_is_another_job(
    http: httpx.AsyncClient, project: str
) -> None:
    headers = {"Idempotency-Key": "k"}

    one = await http.post(jobs_of(project), json=BODY, headers=headers)
    other = await http.post(jobs_of(f"{project}2"), json=BODY, headers=headers)

    assert one.json()["id"] != other.json()["id"]


async def test_a_busy_slot_names_its_job(http: httpx.AsyncClient, project: str) -> None:
    slow = {**BODY, "slot": "shot/12", "parameters": {"seconds": 30}}
    busy = (await http.post(jobs_of(project), json=slow)).json()

    response = await http.post(jobs_of(project), json={**slow, "prompt": "another"})

    problem = await _problem(response, 409, "slot_busy")
    assert busy["id"] in problem["detail"]
    await http.post(f"/v1/jobs/{busy['id']}/cancel", json={})


async def test_the_same_request_for_a_busy_slot_is_its_job(
    http: httpx.AsyncClient, project: str
) -> None:
    slow = {**BODY, "slot": "shot/12", "parameters": {"seconds": 30}}
    busy = (await http.post(jobs_of(project), json=slow)).json()
    headers = {"Idempotency-Key": "second"}

    responses = [await http.post(jobs_of(project), json=slow, headers=headers) for _ in range(2)]

    assert [response.status_code for response in responses] == [200, 200]
    assert {response.json()["id"] for response in responses} == {busy["id"]}
    assert all(response.json()["deduplicated"] for response in responses)
    await http.post(f"/v1/jobs/{busy['id']}/cancel", json={})


async def test_models_kinds_and_lanes_are_described(http: httpx.AsyncClient) -> None:
    models = (await http.get("/v1/models")).json()
    kinds = (await http.get("/v1/kinds")).json()
    lanes = (await http.get("/v1/lanes")).json()

    assert {"sim/picture", "sim/edit", "sim/motion", "sim/text"} <= {
        m["name"] for m in models["items"]
    }
    assert {k["name"] for k in kinds["items"]} >= {
        "image",
        "portrait",
        "cast_ref",
        "shot",
        "scenes",
    }
    caps = {lane["name"]: lane["cap"] for lane in lanes["items"]}
    assert caps == {"cast": 4, "portraits": 6, "shots": 6, "video": 8, "text": 4}
    assert models["next"] is kinds["next"] is lanes["next"] is None
    picture = (await http.get("/v1/models/sim/picture")).json()
    assert picture["parameters"]["properties"]["seed"]["type"] == "integer"


async def test_every_service_says_how_it_is(stack: Stack) -> None:
    async with httpx.AsyncClient(timeout=TIMEOUT) as http:
        for service in ("gateway", "status", "storage", "render"):
            assert (await http.get(f"{stack.url(service)}/healthz")).status_code == 200
            ready = (await http.get(f"{stack.url(service)}/readyz")).json()
            assert ready["dependencies"]["nats"] == "ok"
            assert "python_info" in (await http.get(f"{stack.url(service)}/metrics")).text


async def test_the_documentation_has_an_example_for_every_body(http: httpx.AsyncClient) -> None:
    document = (await http.get("/openapi.json")).json()

    for path in document["paths"].values():
        for operation in path.values():
            for content in operation.get("requestBody", {"content": {}})["content"].values():
                name = content["schema"]["$ref"].rpartition("/")[2]
                properties = document["components"]["schemas"][name]["properties"].values()
                assert any(set(each) & {"examples", "default", "enum"} for each in properties), name
    assert (await http.get("/docs")).status_code == 200


async def test_a_problem_has_a_page(http: httpx.AsyncClient, project: str) -> None:
    problem = (await http.post(jobs_of(project), content=b"{")).json()

    page = await http.get(problem["type"])

    assert "malformed_request" in page.text


async def test_jobs_are_listed_newest_first_and_in_pages(
    http: httpx.AsyncClient, project: str
) -> None:
    made = [(await http.post(jobs_of(project), json=BODY)).json()["id"] for _ in range(5)]
    await _until_listed(http, project, len(made))

    pages, path = [], f"{jobs_of(project)}?limit=2"
    while path:
        response = await http.get(path)
        pages.append([job["id"] for job in response.json()["items"]])
        path = response.links.get("next", {}).get("url", "")

    assert [job for page in pages for job in page] == made[::-1]
    assert [len(page) for page in pages] == [2, 2, 1]


async def _until_listed(http: httpx.AsyncClient, project: str, count: int) -> None:
    for _ in range(200):
        if len((await http.get(jobs_of(project))).json()["items"]) == count:
            return
    raise AssertionError("the list is not complete")


async def test_lists_are_filtered(http: httpx.AsyncClient, project: str) -> None:
    alice = {**BODY, "kind": "cast_ref", "slot": "cast/alice/ref_a", "user": "u1",
             "tags": {"show": "s1"}, "parameters": {"seconds": 0, "seed": 7}}  # fmt: skip
    expected = (await http.post(jobs_of(project), json=alice)).json()["id"]
    await http.post(jobs_of(project), json={**BODY, "prompt": "100% other_thing"})
    await _until_listed(http, project, 2)
    created = (await http.get(f"/v1/jobs/{expected}")).json()["created_at"]

    for query in (
        {"kind": "cast_ref"},
        {"slot": "cast/alice"},
        {"user": "u1"},
        {"tag.show": "s1"},
        {"param.seed": "7"},
        {"kind": "cast_ref", "tag.show": "s1", "param.seed": "7"},
        {"created_before": created},
        {"model": "sim/picture", "slot": "cast/"},
    ):
        listed = (await http.get(jobs_of(project), params=query)).json()["items"]
        assert [job["id"] for job in listed] == [expected], query
    for query, count in (({"tag.show": "s2"}, 0), ({"q": "LIGHT"}, 1), ({"q": "0% other_"}, 1),
                         ({"created_after": created}, 2), ({"slot": "cast_"}, 0)):  # fmt: skip
        listed = (await http.get(jobs_of(project), params=query)).json()["items"]
        assert len(listed) == count, query


@pytest.mark.parametrize("prompt", [" ", "\n\t", "\u3000\u200b"], ids=ascii)
async def test_a_prompt_of_white_space_makes_no_job(
    http: httpx.AsyncClient, project: str, prompt: str
) -> None:
    response = await http.post(jobs_of(project), json={**BODY, "prompt": prompt})

    assert (response.status_code, response.json()["code"]) == (422, "validation_failed")
    assert response.json()["errors"][0]["pointer"] == "/prompt"
    [action] = response.json()["next_actions"]
    accepted = await http.post(jobs_of(project), json={**BODY, **action["patch"]})
    assert accepted.status_code == 202


async def test_a_batch_with_a_prompt_of_white_space_is_refused_as_a_whole(
    http: httpx.AsyncClient, project: str
) -> None:
    jobs = [BODY, {**BODY, "prompt": "  "}]

    response = await http.post(f"/v1/projects/{project}/batches", json={"jobs": jobs})

    assert response.status_code == 422
    assert "/jobs/1/prompt" in response.text


@pytest.mark.parametrize("group", ["tag", "param"])
async def test_a_list_takes_sixteen_labels_of_a_kind(
    http: httpx.AsyncClient, project: str, group: str
) -> None:
    labels = {f"{group}.n{number}": "x" for number in range(17)}
    most = dict(list(labels.items())[:16])

    assert (await http.get(jobs_of(project), params=most)).status_code == 200
    refused = await http.get(jobs_of(project), params=labels)
    assert (refused.status_code, refused.json()["code"]) == (422, "validation_failed")
    assert refused.json()["errors"][0]["pointer"] == f"/query/{group}"


@pytest.mark.parametrize("query", [{"tag.show": "x" * 257}, {"kind": "x" * 65}, {"q": "x" * 257}])
async def test_a_filter_has_a_longest_value(
    http: httpx.AsyncClient, project: str, query: dict[str, str]
) -> None:
    assert (await http.get(jobs_of(project), params=query)).status_code == 422


async def test_attempts_say_what_was_sent(http: httpx.AsyncClient, project: str) -> None:
    body = {**BODY, "parameters": {"seconds": 0, "seed": 9}, "edit_prompt": "at night"}
    job = (await http.post(jobs_of(project), json=body)).json()["id"]
    await _until_final(http, job)

    [attempt] = (await http.get(f"/v1/jobs/{job}/attempts")).json()["items"]

    assert attempt["number"] == 1
    assert attempt["arguments"]["seed"] == 9
    assert attempt["prompt"] == "a lighthouse\n\nat night"
    assert attempt["request_id"].startswith("sim_")
    assert attempt["outcome"] == "rendered"


async def _until_final(http: httpx.AsyncClient, job: str) -> dict[str, Any]:
    current: dict[str, Any] = {}
    async with asyncio.timeout(TIMEOUT):
        while not current.get("finished_at"):
            await asyncio.sleep(0.02)
            current = (await http.get(f"/v1/jobs/{job}")).json()
    return current


async def test_events_are_replayed_from_any_sequence(http: httpx.AsyncClient, project: str) -> None:
    job = (await http.post(jobs_of(project), json=BODY)).json()["id"]
    await _until_final(http, job)

    events = (await http.get(f"/v1/jobs/{job}/events")).json()["items"]
    rest = (await http.get(f"/v1/jobs/{job}/events?after={events[1]['sequence']}")).json()["items"]

    assert [event["job"]["revision"] for event in events] == list(range(1, len(events) + 1))
    assert [event["sequence"] for event in rest] == [event["sequence"] for event in events[2:]]
    beyond = await http.get(f"/v1/jobs/{job}/events?after={events[-1]['sequence']}")
    assert beyond.json()["items"] == []


async def test_an_asset_is_described_and_led_to(
    stack: Stack, http: httpx.AsyncClient, project: str
) -> None:
    job = (await http.post(jobs_of(project), json=BODY)).json()["id"]
    [asset] = (await _until_final(http, job))["assets"]

    async with httpx.AsyncClient(base_url=stack.url("storage"), timeout=TIMEOUT) as storage:
        described = (await storage.get(f"/v1/assets/{asset['id']}")).json()
        way = await storage.get(f"/v1/assets/{asset['id']}/content?variant=thumbnail")
        picture = await storage.get(way.headers["location"])
        unknown = await storage.get(f"/v1/assets/{asset['id']}/content?variant=nonsense")

    assert described["sha256"] == asset["sha256"]
    assert described["job"] == job
    assert described["variants"]["webp"]["url"]
    assert way.status_code == 307
    assert picture.headers["content-type"] == "image/webp"
    assert picture.headers["content-disposition"].startswith('inline; filename="image_')
    assert max(described["variants"]["thumbnail"][side] for side in ("width", "height")) == 320
    await _problem(unknown, 422, "validation_failed")


async def _log_line(stack: Stack, service: str, job: str) -> dict[str, Any]:
    """What a service said about a job; it does so when everything else is done."""
    async with asyncio.timeout(TIMEOUT):
        while not (lines := [each for each in stack.logs(service) if each.get("job") == job]):
            await asyncio.sleep(0.05)
    return lines[0]


async def test_logs_know_the_job_and_not_the_prompt(
    stack: Stack, http: httpx.AsyncClient, project: str
) -> None:
    canary = f"canary{uuid4().hex}"
    body = {**BODY, "prompt": canary, "edit_prompt": canary, "slot": "shot/1", "arguments": {}}
    job = (await http.post(jobs_of(project), json=body)).json()["id"]
    await _until_final(http, job)

    lines = [await _log_line(stack, service, job) for service in ("render", "storage")]

    assert all(line["slot"] == "shot/1" and line["kind"] == "image" for line in lines)
    assert all(line["edit_prompt"] == "yes" for line in lines)
    for log in (stack.home / "logs").iterdir():
        assert canary not in json.dumps(log.read_text())
