"""Live connections of those who may: by key, by ticket, for their projects and jobs, until revoked."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

from heliograph.contracts.access_keys import AccessKey
from tests.support.access import KeyMaker, bearer
from tests.support.polling import until_true
from tests.support.records import some_project
from tests.support.stack import Stack

_CLOSES_WITHIN = 20.0  #: seconds, on a busy machine


@asynccontextmanager
async def live(
    stack: Stack, headers: dict[str, str] | None = None, origin: str | None = None
) -> AsyncIterator[ClientConnection]:
    page = Origin(origin) if origin else None
    async with connect(stack.live, additional_headers=headers, origin=page) as socket:
        yield socket


async def send(socket: ClientConnection, **frame: Any) -> None:
    await socket.send(json.dumps(frame))


async def subscribed(socket: ClientConnection, project: str, **fields: Any) -> dict[str, Any]:
    """The first frame after a subscription."""
    await send(socket, op="subscribe", id=1, project=project, **fields)
    return dict(json.loads(await socket.recv()))


async def refusal(socket: ClientConnection, id_: int, **fields: Any) -> dict[str, Any]:
    """The problem of a subscription that is refused."""
    await send(socket, op="subscribe", id=id_, **fields)
    async with asyncio.timeout(_CLOSES_WITHIN):
        while (frame := json.loads(await socket.recv()))["op"] != "error":
            pass
    assert frame["id"] == id_
    return dict(frame["problem"])


async def closed(socket: ClientConnection) -> int:
    """The close code of a connection."""
    async with asyncio.timeout(_CLOSES_WITHIN):
        await socket.wait_closed()
    assert socket.close_code
    return socket.close_code


async def ticket(
    http: httpx.AsyncClient, stack: Stack, project: str, headers: dict[str, str], **fields: Any
) -> str:
    url = f"{stack.url('gateway')}/v1/projects/{project}/tickets"
    response = await http.post(url, json=fields, headers=headers)
    assert response.status_code == 201, response.text
    return str(response.json()["ticket"])


async def known(stack: Stack, http: httpx.AsyncClient, key: AccessKey) -> AccessKey:
    """A key, once gateway and status know it."""

    async def is_known() -> bool:
        urls = [f"{stack.url(each)}/metrics" for each in ("gateway", "status")]
        responses = [await http.get(url, headers=bearer(key)) for url in urls]
        return all(response.status_code != 401 for response in responses)

    await until_true(is_known)
    return key


async def test_a_key_of_the_project_follows_it_and_no_other(
    keyed: Stack, keys: KeyMaker, http: httpx.AsyncClient, project: str
) -> None:
    key = await known(keyed, http, await keys.make(["jobs:read"], [project]))

    async with live(keyed, bearer(key)) as socket:
        own = await subscribed(socket, project)
        other = await refusal(socket, 2, project=some_project())

    assert own["op"] == "subscribed"
    assert other["code"] == "not_found"


@pytest.mark.parametrize("headers", [{"Authorization": "Bearer hg_live_x"}, {}])
async def test_without_a_valid_key_nothing_is_heard(
    keyed: Stack, project: str, headers: dict[str, str]
) -> None:
    async with live(keyed, headers) as socket:
        with suppress(ConnectionClosed):  # a key that is no key is refused before
            await send(socket, op="subscribe", id=1, project=project)

        assert await closed(socket) == 4401


async def test_who_says_nothing_is_disconnected(keyed: Stack) -> None:
    async with live(keyed) as socket:
        assert await closed(socket) == 4401


async def test_a_key_without_the_scope_is_refused(
    keyed: Stack, keys: KeyMaker, http: httpx.AsyncClient
) -> None:
    key = await known(keyed, http, await keys.make(["jobs:write"]))

    async with live(keyed, bearer(key)) as socket:
        assert await closed(socket) == 4403


async def test_a_ticket_works_once_for_its_project(
    keyed: Stack, http: httpx.AsyncClient, project: str, admin: dict[str, str]
) -> None:
    text = await ticket(http, keyed, project, admin)

    async with live(keyed) as socket:
        await send(socket, op="auth", ticket=text)
        assert (await subscribed(socket, project))["op"] == "subscribed"
        assert (await refusal(socket, 2, project=some_project()))["code"] == "not_found"
    async with live(keyed) as socket:
        await send(socket, op="auth", ticket=text)
        assert await closed(socket) == 4401


async def test_a_ticket_for_jobs_follows_those_only(
    keyed: Stack, http: httpx.AsyncClient, project: str, admin: dict[str, str]
) -> None:
    url = f"{keyed.url('gateway')}/v1/projects/{project}/jobs"
    body = {"kind": "image", "prompt": "x", "parameters": {"seconds": 0}}
    one, other = [(await http.post(url, json=body, headers=admin)).json()["id"] for _ in range(2)]
    text = await ticket(http, keyed, project, admin, jobs=[one])

    async with live(keyed) as socket:
        await send(socket, op="auth", ticket=text)
        whole = await refusal(socket, 2, project=project)
        foreign = await refusal(socket, 3, project=project, jobs=[one, other])
        own = await subscribed(socket, project, jobs=[one])

    assert whole["code"] == foreign["code"] == "not_found"
    assert own["op"] == "subscribed"


async def test_a_ticket_hears_of_budgets_where_its_holder_may(
    keyed: Stack, keys: KeyMaker, http: httpx.AsyncClient, project: str, admin: dict[str, str]
) -> None:
    """Not so a ticket for some jobs, which is handed to whoever is to see these."""
    reader = await known(keyed, http, await keys.make(["jobs:read"], [project]))
    url = f"{keyed.url('gateway')}/v1/projects/{project}/jobs"
    body = {"kind": "image", "prompt": "x", "parameters": {"seconds": 0}}
    job = (await http.post(url, json=body, headers=admin)).json()["id"]

    async with live(keyed) as socket:
        await send(socket, op="auth", ticket=await ticket(http, keyed, project, admin))
        assert (await subscribed(socket, project, budget=True))["op"] == "subscribed"
    for holder, jobs in ((bearer(reader), None), (admin, [job])):
        text = await ticket(http, keyed, project, holder, jobs=jobs)
        async with live(keyed) as socket:
            await send(socket, op="auth", ticket=text)
            problem = await refusal(socket, 2, project=project, budget=True, jobs=jobs)
            assert problem["code"] == "insufficient_scope"


async def test_a_ticket_for_a_page_is_for_no_other_page(
    keyed: Stack, http: httpx.AsyncClient, project: str, admin: dict[str, str]
) -> None:
    page, other = keyed.url("status"), keyed.url("gateway")
    text = await ticket(http, keyed, project, admin, origin=page)

    async with live(keyed, origin=other) as socket:
        await send(socket, op="auth", ticket=text)
        assert await closed(socket) == 4401
    async with live(keyed, origin=page) as socket:
        await send(socket, op="auth", ticket=text)
        assert (await subscribed(socket, project))["op"] == "subscribed"


async def test_whoever_follows_with_a_revoked_key_is_disconnected(
    keyed: Stack, keys: KeyMaker, http: httpx.AsyncClient, project: str, admin: dict[str, str]
) -> None:
    key = await known(keyed, http, await keys.make(["jobs:read"], [project]))
    text = await ticket(http, keyed, project, bearer(key))
    events = f"{keyed.url('status')}/v1/events?project={project}"

    async with live(keyed, bearer(key)) as by_key, live(keyed) as by_ticket:
        await send(by_ticket, op="auth", ticket=text)
        assert (await subscribed(by_ticket, project))["op"] == "subscribed"
        async with http.stream("GET", events, headers=bearer(key)) as stream:
            url = f"{keyed.url('gateway')}/v1/keys/{key.id}"
            assert (await http.delete(url, headers=admin)).is_success
            codes = [await closed(by_key), await closed(by_ticket)]
            async with asyncio.timeout(_CLOSES_WITHIN):
                assert [line async for line in stream.aiter_lines()]

    assert codes == [4401, 4401]
    assert (await http.get(events, headers=bearer(key))).status_code == 401


async def test_a_stream_of_another_project_is_as_one_of_none(
    keyed: Stack, keys: KeyMaker, http: httpx.AsyncClient, project: str
) -> None:
    key = await known(keyed, http, await keys.make(["jobs:read"], [project]))

    response = await http.get(
        f"{keyed.url('status')}/v1/events", params={"project": "other"}, headers=bearer(key)
    )

    assert (response.status_code, response.json()["detail"]) == (404, "there is no project other")
