"""
Canaries: no key, ticket, session, token, sign-in, prompt or presigned address is in a log, a figure, a trace or
an error.
"""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx

from heliograph.client import Client
from heliograph.contracts.access_keys import new_key
from services.gateway.access.oidc.attempt import SignInAttempt
from tests.e2e.access.test_live_access import closed, live, send
from tests.e2e.access.test_oidc import Browser
from tests.support.access import SECRET, KeyMaker, bearer, token_of
from tests.support.identity_provider import IdentityProviderProcess
from tests.support.otlp import TraceReceiver
from tests.support.stack import Stack

CANARY = "canary-of-a-prompt"
SERVICES = ("gateway", "render", "status", "storage")
PATHS = ("/metrics", "/v1/keys/me", "/v1/session", "/v1/keys", "/v1/events?project=nothing")
_SECRET = 17  #: where the secret of a key begins


async def _jobs(stack: Stack, project: str, key: str) -> list[str]:
    """Jobs with everything that could leak; what was used for them."""
    async with Client(stack.url("gateway"), project=project, key=key) as client:
        parameters = {"seconds": 0.2, "fault": "lost_reply"}
        broken = await client.submit(kind="image", prompt=CANARY, parameters=parameters)
        done = await client.wait(
            (await client.submit(kind="image", prompt=CANARY, parameters={"seconds": 0})).id
        )
        await client.cancel(broken.id)
        address = done.assets[0].url
    assert address
    return [key, key[_SECRET:], CANARY, httpx.URL(address).params["X-Amz-Signature"]]


async def _money(
    stack: Stack, http: httpx.AsyncClient, project: str, admin: dict[str, str]
) -> list[str]:
    """A budget that a job does not fit into, and a quote; what is answered."""
    place = f"{stack.url('gateway')}/v1/projects/{project}"
    body = {"kind": "image", "prompt": CANARY, "parameters": {"seconds": 0, "price": "0.05"}}
    asked = [
        await http.put(f"{place}/budget", json={"total": "0.01"}, headers=admin),
        await http.post(f"{place}/jobs", json=body, headers=admin | {"Idempotency-Key": "k"}),
        await http.post(f"{place}/quotes", json={"jobs": [body]}, headers=admin),
        await http.get(f"{place}/usage?by=day,user,key", headers=admin),
    ]
    assert [each.status_code for each in asked] == [200, 402, 200, 200]
    return [asked[1].text, asked[3].text]


async def _sign_in(browser: Browser, people: IdentityProviderProcess) -> list[str]:
    """Somebody signs in at the provider; what that needed."""
    people.add("canary", name="Canary", groups=["artists"])
    place = await browser.begin()
    [cookie] = browser.cookies.values()
    attempt = SignInAttempt.from_cookie(cookie)
    assert attempt
    back = await browser.choose(place, "canary")
    [code] = parse_qs(urlsplit(back).query)["code"]
    await browser.get(back)
    await browser.get(back)  # a code works once
    [session] = browser.cookies.values()
    return [attempt.state, attempt.nonce, attempt.verifier, cookie, code, session]


async def _rotated(stack: Stack, http: httpx.AsyncClient, admin: dict[str, str]) -> list[str]:
    """Both secrets of a key that was rotated, and its session."""
    keys = f"{stack.url('gateway')}/v1/keys"
    made = await http.post(keys, json={"name": "rotated", "scopes": ["jobs:read"]}, headers=admin)
    signed_in = await http.post(
        f"{stack.url('gateway')}/v1/session", json={"key": made.json()["key"]}
    )
    [session] = signed_in.cookies.values()
    rotated = await http.post(f"{keys}/{made.json()['id']}/rotate", json={}, headers=admin)
    return [session, *(each.json()["key"][_SECRET:] for each in (made, rotated))]


async def _ask_everywhere(
    stack: Stack, http: httpx.AsyncClient, project: str, every: list[dict[str, str]]
) -> list[str]:
    """What all services answer to whoever asks, or sends a body that is refused."""
    said = []
    for url in map(stack.url, SERVICES):
        for headers in every:
            for path in (*PATHS, f"/v1/projects/{project}/nothing"):
                async with http.stream("GET", url + path, headers=headers) as response:
                    if "event-stream" not in response.headers.get("content-type", ""):
                        said.append((await response.aread()).decode())
            body = {"prompt": CANARY, "kind": CANARY[:3], "parameters": {"seed": "x"}}
            jobs = f"{url}/v1/projects/{project}/jobs"
            said.append((await http.post(jobs, json=body, headers=headers)).text)
    return said


async def _traced(
    stack: Stack, http: httpx.AsyncClient, project: str, receiver: TraceReceiver, key: str
) -> bytes:
    """What was traced, up to a job that is done."""
    trace = uuid4().hex
    body = {"kind": "image", "prompt": CANARY, "parameters": {"seconds": 0}}
    headers = {**bearer(key), "traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    jobs = f"{stack.url('gateway')}/v1/projects/{project}/jobs"
    response = await http.post(jobs, json=body, headers=headers)
    async with Client(stack.url("gateway"), project=project, key=key) as client:
        await client.wait(response.json()["id"])
    receiver.trace(trace, {"append accepted", "append submitting", "append succeeded"})
    return receiver.bodies


def _places(home: Path) -> dict[str, str]:
    """Everything that services write down for people."""
    return {file.name: file.read_text(errors="replace") for file in (home / "logs").iterdir()}


async def test_no_secret_is_in_a_log_a_figure_a_trace_or_an_error(
    keyed: Stack,
    keys: KeyMaker,
    http: httpx.AsyncClient,
    provider_process: IdentityProviderProcess,
    receiver: TraceReceiver,
    project: str,
    admin: dict[str, str],
) -> None:
    key, unknown = admin["Authorization"].removeprefix("Bearer "), new_key()
    used = await _jobs(keyed, project, key)
    texts = await _money(keyed, http, project, admin)
    signed_in = await _sign_in(Browser(http, keyed), provider_process)
    rotated = await _rotated(keyed, http, admin)
    place = f"{keyed.url('gateway')}/v1/projects/{project}/tickets"
    ticket = (await http.post(place, json={}, headers=admin)).json()["ticket"]
    async with live(keyed) as socket:
        await send(socket, op="auth", ticket="canary-of-a-ticket")
        await closed(socket)
    token = token_of(project, user="canary-of-a-user")
    sessions = [
        {"Cookie": f"heliograph-{keyed.ports['gateway']}={each}"}
        for each in (signed_in[-1], rotated[0])
    ]
    every = [bearer(unknown), bearer("canary-of-a-header"), admin, bearer(token), *sessions]
    texts += await _ask_everywhere(keyed, http, project, every)
    traced = await _traced(keyed, http, project, receiver, key)

    secrets = [
        *used,
        *signed_in,
        *rotated,
        SECRET,
        "canary-of-a-client-secret",
        unknown.text,
        unknown.text[_SECRET:],
    ]
    secrets += [ticket, token, "canary-of-a-ticket", "canary-of-a-header"]
    places = {**_places(keyed.home), "responses": "\n".join(texts)}
    leaks = [
        (name, secret[:8]) for name, text in places.items() for secret in secrets if secret in text
    ]
    leaks += [("traces", secret[:8]) for secret in secrets if secret.encode() in traced]

    assert leaks == []
    assert {f"{service}.log" for service in SERVICES} <= places.keys()
