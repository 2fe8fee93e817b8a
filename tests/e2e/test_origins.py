"""What is open in another tab neither listens nor gives orders."""

import json
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from heliograph.client import Client
from heliograph.contracts.live_frames import SUBPROTOCOL
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT

EVIL = "https://evil.example"


async def test_a_page_of_another_origin_receives_nothing_but_the_close_code(stack: Stack) -> None:
    """A browser shows its page no HTTP status of a WebSocket: it would come back for ever."""
    subprotocols = [Subprotocol(SUBPROTOCOL)]
    async with connect(_live(stack), origin=Origin(EVIL), subprotocols=subprotocols) as socket:
        assert socket.subprotocol == SUBPROTOCOL
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()

    assert closed.value.rcvd
    assert closed.value.rcvd.code == 4403
    assert closed.value.rcvd.reason.startswith("The request comes from a page")


async def test_a_page_of_the_service_itself_listens(stack: Stack, project: str) -> None:
    async with connect(_live(stack), origin=Origin(stack.url("status"))) as socket:
        await socket.send(json.dumps({"op": "subscribe", "id": 1, "project": project}))

        assert json.loads(await socket.recv())["op"] == "subscribed"


async def test_a_page_of_another_origin_cancels_nothing(stack: Stack, client: Client) -> None:
    job = await client.submit(kind="image", prompt="x", parameters={"seconds": 1})
    cancel = f"{stack.url('gateway')}/v1/jobs/{job.id}/cancel"

    async with httpx.AsyncClient(timeout=TIMEOUT) as http:
        response = await http.post(cancel, headers={"Origin": EVIL, "Content-Type": "text/plain"})

    assert (response.status_code, response.json()["code"]) == (403, "forbidden")
    [ended] = await client.finish(job.id)
    assert ended.status == "succeeded"


@pytest.mark.parametrize("service", ["gateway", "render", "storage", "status"])
async def test_a_page_that_rebound_its_name_reaches_no_service(stack: Stack, service: str) -> None:
    name = f"evil.example:{stack.ports[service]}"
    headers = {"Host": name, "Origin": f"http://{name}"}

    async with httpx.AsyncClient(
        base_url=stack.url(service), headers=headers, timeout=TIMEOUT
    ) as http:
        read, changed = await http.get("/v1/lanes"), await http.patch("/v1/lanes/images")
        probes = [(await http.get(f"/{name}")).status_code for name in ("healthz", "metrics")]

    assert (read.status_code, changed.status_code) == (421, 421)
    assert probes == [200, 200]


async def test_a_page_that_rebound_its_name_receives_nothing(stack: Stack) -> None:
    name = f"evil.example:{stack.ports['status']}"
    url, origin, port = f"ws://{name}/v1/live", Origin(f"http://{name}"), stack.ports["status"]

    async with connect(url, origin=origin, host="127.0.0.1", port=port) as socket:
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()

    assert closed.value.rcvd
    assert closed.value.rcvd.code == 4403


async def test_a_program_by_a_wrong_name_is_told_so_by_a_problem(stack: Stack) -> None:
    name, port = f"evil.example:{stack.ports['status']}", stack.ports["status"]

    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"ws://{name}/v1/live", host="127.0.0.1", port=port):
            pass

    assert refused.value.response.status_code == 421


@pytest.fixture(params=["127.0.0.1", "localhost", "[::1]"])
def page(request: pytest.FixtureRequest, stack: Stack) -> str:
    """The origin of a page of the gateway."""
    return f"http://{request.param}:{stack.ports['gateway']}"


async def test_a_page_of_the_gateway_listens(stack: Stack, project: str, page: str) -> None:
    async with connect(_live(stack), origin=Origin(page)) as socket:
        await socket.send(json.dumps({"op": "subscribe", "id": 1, "project": project}))

        assert json.loads(await socket.recv())["op"] == "subscribed"


async def test_a_page_of_the_gateway_reads_event_streams(
    stack: Stack, project: str, page: str
) -> None:
    url = f"{stack.url('status')}/v1/events?project={project}"
    async with httpx.AsyncClient() as http, http.stream("GET", url, headers={"Origin": page}) as it:
        assert it.headers["access-control-allow-origin"] == page


async def test_a_page_of_the_gateway_uploads(stack: Stack, project: str, page: str) -> None:
    door = f"{stack.url('storage')}/v1/projects/{project}/uploads/sha256/{'0' * 64}"
    preflight = {"Origin": page, "Access-Control-Request-Method": "PUT"}
    async with httpx.AsyncClient() as http:
        allowed = await http.options(door, headers=preflight)
        response = await http.put(door, headers={"Origin": page}, content=b"GIF89a")

    assert allowed.headers["access-control-allow-origin"] == page
    assert "PUT" in allowed.headers["access-control-allow-methods"]
    assert response.headers["access-control-allow-origin"] == page
    assert response.json()["code"] == "validation_failed"  # of another digest


def _live(stack: Stack) -> str:
    return f"ws://{urlsplit(stack.url('status')).netloc}/v1/live"
