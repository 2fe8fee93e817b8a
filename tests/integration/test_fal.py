"""fal on the wire: what it is told, what it may see, and what its words become."""

import asyncio
import base64
import hashlib
import http.server
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import fal_client
import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from heliograph.contracts.attempts import SentReference
from heliograph.contracts.errors import OutputExpired
from services.render.providers import Provider, Request
from services.render.providers.fal import FalProvider
from services.render.providers.lookup_results import Unknown
from services.render.providers.request_states import (
    RequestQueued,
    RequestRunning,
    RequestStopped,
    RequestSucceeded,
)
from services.render.providers.submissions import Accepted, Submission
from tests.support.fal.emulator_process import FalAccount, FalServer
from tests.support.fal.rig import FalRig, a_fal, a_submission
from tests.support.submissions import with_body
from tests.support.timeouts import TIMEOUT

PICTURE = b"\x89PNG\r\n\x1a\nwhatever"


@pytest.fixture
def rig(fal_rig: FalRig) -> FalRig:
    return fal_rig


@pytest.fixture
def fal(rig: FalRig) -> FalAccount:
    return rig.account


@pytest.fixture
def prompt() -> str:
    return f"a lighthouse {uuid4().hex}"


async def _accepted(provider: Provider, submission: Submission) -> Request:
    accepted = await provider.submit(submission)
    assert isinstance(accepted, Accepted)
    return Request(request_id=accepted.request_id, endpoint=submission.endpoint)


async def _submit(rig: FalRig, prompt: str) -> Request:
    return await _accepted(rig.provider, a_submission(prompt=prompt))


def _ours(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.startswith(("x-", "accept-"))}


# -- what fal is told


async def test_a_submission_says_how_it_wants_to_be_treated(
    fal_server: FalServer, fal: FalAccount, prompt: str
) -> None:
    provider = a_fal(
        fal_server.url, fal.key, priority="low", start_timeout=90.0, lifetime=3600, fallback=False
    )
    await _accepted(provider, a_submission(prompt=prompt))
    await provider.aclose()

    [request] = fal.accepted(prompt)

    assert _ours(request["headers"]) == {
        "accept-encoding": "identity",
        "x-app-fal-disable-fallback": "true",
        "x-fal-object-lifecycle-preference": '{"expiration_duration_seconds": 3600}',
        "x-fal-queue-priority": "low",
        "x-fal-request-start-timeout": "90.0",
        "x-fal-request-timeout": "90.0",
    }


async def test_by_default_only_the_requested_model_answers(
    rig: FalRig, fal: FalAccount, prompt: str
) -> None:
    await _submit(rig, prompt)

    [request] = fal.accepted(prompt)

    assert _ours(request["headers"]) == {
        "accept-encoding": "identity",
        "x-app-fal-disable-fallback": "true",
        "x-fal-queue-priority": "normal",
    }


async def test_urls_in_fals_responses_are_not_trusted(
    rig: FalRig, fal: FalAccount, prompt: str
) -> None:
    """They would get our key."""
    fal.plan(prompt, loss="foreign_urls")

    end = await rig.provider.poll(await _submit(rig, prompt))

    assert isinstance(end, RequestSucceeded)


async def test_all_of_a_life_stays_below_the_base_url(
    rig: FalRig, fal: FalAccount, prompt: str
) -> None:
    submission = a_submission(prompt=prompt)
    request = await _accepted(rig.provider, submission)
    await rig.provider.poll(request)
    await rig.provider.cancel(request)
    await rig.provider.look_up(submission)

    one = f"/queue/fal-ai/flux/requests/{request.request_id}"
    assert [(h["method"], h["path"]) for h in fal.heard] == [
        ("POST", "/queue/fal-ai/flux/schnell"),
        ("GET", f"{one}/status"),
        ("GET", one),
        ("PUT", f"{one}/cancel"),
        ("GET", "/api/v1/models/requests/by-endpoint"),
    ]


@pytest.mark.parametrize("name", ["../../evil", "a b", "", "x" * 200])
async def test_an_invalid_request_id_is_never_part_of_a_url(
    rig: FalRig, fal: FalAccount, name: str
) -> None:
    request = Request(request_id=name, endpoint="fal-ai/flux/schnell")

    await rig.provider.cancel(request)
    end = await rig.provider.poll(request)

    assert isinstance(end, RequestStopped)
    assert fal.heard == []


# -- what fal says while it works


async def test_a_request_that_waits_says_how_many_are_before_it(
    rig: FalRig, fal: FalAccount, prompt: str
) -> None:
    fal.change(concurrency=1)
    fal.plan(prompt, seconds=60)

    first, second, third = [await _submit(rig, prompt) for _ in range(3)]

    assert isinstance(await rig.provider.poll(first), RequestRunning)
    assert await rig.provider.poll(second) == RequestQueued(position=0)
    assert await rig.provider.poll(third) == RequestQueued(position=1)
    await rig.provider.cancel(first)
    assert isinstance(await rig.provider.poll(second), RequestRunning)


async def test_lines_that_fal_no_longer_shows_are_kept_and_none_comes_twice(
    rig: FalRig, fal: FalAccount, prompt: str
) -> None:
    fal.plan(prompt, seconds=3, logs=12, window=3)
    request = await _submit(rig, prompt)

    working = []
    while isinstance(state := await rig.provider.poll(request), RequestRunning):
        working.append(state.progress)
        await asyncio.sleep(0.02)

    messages = [line.message for line in working[-1].logs]
    assert len(messages) > 3
    assert len(messages) == len(set(messages))
    assert messages == sorted(messages, key=lambda m: int(m.rpartition(" ")[2]))
    percents = [progress.percent for progress in working]
    assert percents == sorted(percents, key=lambda percent: percent or 0)
    assert working[-1].percent
    assert working[-1].basis == "provider"


# -- how it ends


async def test_a_cancel_that_came_too_late_reports_the_actual_status(
    rig: FalRig, fal: FalAccount, prompt: str
) -> None:
    fal.plan(prompt, seconds=0.3, finishes_anyway=True)
    request = await _submit(rig, prompt)
    await rig.provider.cancel(request)

    while isinstance(end := await rig.provider.poll(request), RequestRunning):
        await asyncio.sleep(0.05)

    assert isinstance(end, RequestSucceeded)
    assert end.charged == "yes"


async def test_a_request_that_fal_forgets_when_it_is_canceled_is_over(
    rig: FalRig, fal: FalAccount, prompt: str
) -> None:
    fal.plan(prompt, queued=60, forgets_canceled=True)
    request = await _submit(rig, prompt)

    await rig.provider.cancel(request)
    end = await rig.provider.poll(request)

    assert isinstance(end, RequestStopped)
    assert (type(end.error), end.charged) == (OutputExpired, "unknown")


async def test_an_expired_result_of_fal_can_be_polled_again_or_paid_again_by_decision(
    rig: FalRig, fal: FalAccount, prompt: str
) -> None:
    fal.change(retention=0)
    request = await _submit(rig, prompt)

    end = await rig.provider.poll(request)

    assert isinstance(end, RequestStopped)
    assert (type(end.error), end.charged) == (OutputExpired, "unknown")
    assert [action.example for action in end.error.next_actions] == [
        {"from": "poll"},
        {"from": "submit"},
    ]
    assert not end.error.retryable


async def test_a_result_that_is_lost_after_the_end_is_not_paid_again(
    rig: FalRig, fal: FalAccount, prompt: str
) -> None:
    fal.plan(prompt, results=["404"])

    end = await rig.provider.poll(await _submit(rig, prompt))

    assert isinstance(end, RequestStopped)
    assert type(end.error) is OutputExpired


async def test_a_refusal_names_the_field_and_what_to_do(
    rig: FalRig, fal: FalAccount, prompt: str
) -> None:
    fal.plan(prompt, outcome="validation")

    end = await rig.provider.poll(await _submit(rig, prompt))

    assert isinstance(end, RequestStopped)
    problem = end.error.problem()
    assert [error.pointer for error in problem.errors] == ["/arguments/num_images"]
    assert "4 or less" in problem.detail
    assert problem.next_actions[0].kind == "change_request"
    assert problem.provider
    assert problem.provider.code == "less_than_equal"


async def test_media_are_at_addresses_that_need_no_key(
    fal_server: FalServer, rig: FalRig, prompt: str
) -> None:
    end = await rig.provider.poll(await _submit(rig, prompt))

    assert isinstance(end, RequestSucceeded)
    [output] = end.outputs
    url = output.url
    assert url
    async with httpx.AsyncClient() as client:
        response = await client.get(url)
    assert response.content.startswith(b"\x89PNG")
    mine = [r for r in fal_server.strangers() if url.endswith(r["path"])]
    assert all("authorization" not in r["headers"] for r in mine)


async def test_a_video_is_found_where_the_model_puts_it(rig: FalRig) -> None:
    submission = a_submission("fal/kling-2.1")

    end = await rig.provider.poll(await _accepted(rig.provider, submission))

    assert isinstance(end, RequestSucceeded)
    [output] = end.outputs
    assert (output.url or "").endswith(".mp4")


async def test_without_a_seed_nothing_is_recognised(rig: FalRig, fal: FalAccount) -> None:
    submission = a_submission("fal/nano-banana")
    await _accepted(rig.provider, submission)

    assert await rig.provider.look_up(submission) == Unknown()


# -- references


@pytest.fixture
async def depot(fal_server: FalServer, fal: FalAccount) -> AsyncIterator[FalProvider]:
    provider = a_fal(fal_server.url, fal.key)
    yield provider
    await provider.aclose()


def _with_reference(url: str) -> Submission:
    submission = a_submission("fal/flux-kontext")
    return with_body(replace(submission, references=[SentReference(url=url, digest="sha256:1")]))


async def test_a_reference_on_the_web_is_fetched_by_fal(rig: FalRig, fal: FalAccount) -> None:
    await _accepted(rig.provider, _with_reference("https://pictures.example/a.png"))

    [request] = fal.accepted()

    assert request["body"]["image_url"] == "https://pictures.example/a.png"


async def test_a_reference_on_this_machine_is_uploaded_to_fal(
    depot: FalProvider, fal: FalAccount
) -> None:
    copy = await depot.upload("image/png", PICTURE)
    submission = _with_reference(copy.url)
    await _accepted(depot, submission)

    [request] = fal.accepted()
    assert request["body"]["image_url"] == copy.url
    assert copy.url.startswith(f"{fal.url}/cdn/files/")
    async with httpx.AsyncClient() as client:
        assert (await client.get(copy.url)).content == PICTURE
    assert not any("initiate" in heard["path"] for heard in fal.heard)
    assert (await depot.look_up(submission)) != Unknown()


# -- webhooks


async def test_the_emulator_signs_its_webhooks_as_fal_does(fal: FalAccount, prompt: str) -> None:
    heard: list[tuple[dict[str, str], bytes]] = []

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.append(({k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        back = f"http://127.0.0.1:{server.server_port}/hook?attempt=1"
        async with httpx.AsyncClient(headers={"Authorization": f"Key {fal.key}"}) as client:
            await client.post(
                f"{fal.url}/queue/fal-ai/flux/schnell",
                params={"fal_webhook": back},
                json={"prompt": prompt},
            )
            keys = (await client.get(f"{fal.url}/rest/.well-known/jwks.json")).json()["keys"]
        async with asyncio.timeout(TIMEOUT):
            while not heard:
                await asyncio.sleep(0.02)
        server.shutdown()

    [(headers, body)] = heard
    names = ("request-id", "user-id", "timestamp")
    signed = [headers[f"x-fal-webhook-{name}"] for name in names]
    message = "\n".join([*signed, hashlib.sha256(body).hexdigest()]).encode()
    x = keys[0]["x"]
    key = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(x + "=" * (-len(x) % 4)))
    key.verify(bytes.fromhex(headers["x-fal-webhook-signature"]), message)


async def test_a_client_that_only_listens_sees_the_same_states(
    fal: FalAccount, prompt: str
) -> None:
    """The emulator under the stock client's own way of following."""
    fal.plan(prompt, queued=2, seconds=2)
    url = f"{fal.url}/queue/fal-ai/flux/requests"
    async with httpx.AsyncClient(headers={"Authorization": f"Key {fal.key}"}) as client:
        submitted = await client.post(
            f"{fal.url}/queue/fal-ai/flux/schnell", json={"prompt": prompt}
        )
        name = submitted.json()["request_id"]
        handle = fal_client.AsyncRequestHandle(
            name, f"{url}/{name}", f"{url}/{name}/status", f"{url}/{name}/cancel", client
        )
        seen = [type(s) async for s in handle.iter_events(with_logs=True, interval=0.01)]
        result = await handle.get()

    assert list(dict.fromkeys(seen)) == [
        fal_client.Queued,
        fal_client.InProgress,
        fal_client.Completed,
    ]
    assert result["images"]


async def test_a_run_without_the_queue_is_accepted_and_answered_in_one(
    fal: FalAccount, prompt: str
) -> None:
    fal.plan(prompt, seconds=0.1)
    async with httpx.AsyncClient(headers={"Authorization": f"Key {fal.key}"}) as client:
        response = await client.post(
            f"{fal.url}/run/fal-ai/flux/schnell", json={"prompt": prompt, "num_images": 2}
        )

    assert len(response.json()["images"]) == 2
    assert len(fal.accepted(prompt)) == 1
