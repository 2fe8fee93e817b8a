"""Canaries: no key, ticket, session, prompt or presigned address is in a log, a figure or an error."""

from pathlib import Path

import httpx

from heliograph.client import Client
from heliograph.contracts.access_keys import new_key
from tests.support.access import SECRET, KeyMaker, bearer
from tests.support.stack import Stack

CANARY = "canary-of-a-prompt"
SERVICES = ("gateway", "render", "status", "storage")


async def _use(stack: Stack, project: str, key: str) -> list[str]:
    """One job with everything that could leak; what was used for it."""
    async with Client(stack.url("gateway"), project=project, key=key) as client:
        parameters = {"seconds": 0.2, "fault": "lost_reply"}
        broken = await client.submit(kind="image", prompt=CANARY, parameters=parameters)
        done = await client.wait(
            (await client.submit(kind="image", prompt=CANARY, parameters={"seconds": 0})).id
        )
        await client.cancel(broken.id)
        address = done.assets[0].url
    assert address
    return [key, key[17:], CANARY, httpx.URL(address).params["X-Amz-Signature"]]


def _places(home: Path) -> dict[str, str]:
    """Everything that services write down for people."""
    return {file.name: file.read_text(errors="replace") for file in (home / "logs").iterdir()}


async def test_no_secret_is_in_a_log_a_figure_or_an_error(
    keyed: Stack, keys: KeyMaker, http: httpx.AsyncClient, project: str, admin: dict[str, str]
) -> None:
    unknown = new_key()
    used = await _use(keyed, project, admin["Authorization"].removeprefix("Bearer "))
    ticket = await http.post(
        f"{keyed.url('gateway')}/v1/projects/{project}/tickets", json={}, headers=admin
    )
    signed_in = await http.post(
        f"{keyed.url('gateway')}/v1/session",
        json={"key": admin["Authorization"].removeprefix("Bearer ")},
    )
    [session] = signed_in.cookies.values()
    secrets = [
        *used,
        SECRET,
        "canary-of-a-client-secret",
        unknown.text,
        unknown.text[17:],
        ticket.json()["ticket"],
        session,
    ]
    said = []
    for service in SERVICES:
        cookie = {"Cookie": f"heliograph-{keyed.ports['gateway']}={session}"}
        for headers in (bearer(unknown), bearer("canary-of-a-header"), admin, cookie):
            for path in (
                "/metrics",
                "/v1/keys/me",
                "/v1/session",
                f"/v1/projects/{project}/nothing",
            ):
                said.append((await http.get(keyed.url(service) + path, headers=headers)).text)
        answer = await http.post(
            f"{keyed.url(service)}/v1/projects/{project}/jobs",
            json={"prompt": CANARY, "kind": CANARY[:3], "parameters": {"seed": "x"}},
            headers=admin,
        )
        said.append(answer.text)

    places = {**_places(keyed.home), "answers": "\n".join(said)}
    found = [
        name
        for name, text in places.items()
        for secret in (*secrets, "canary-of-a-header")
        if secret in text
    ]

    assert found == []
    assert {f"{service}.log" for service in SERVICES} <= places.keys()
