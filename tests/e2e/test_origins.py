"""What is open in another tab neither listens nor gives orders."""

import json
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from heliograph.client import Client
from tests.support.stack import Stack

EVIL = "https://evil.example"


async def test_a_page_of_another_origin_hears_nothing(stack: Stack) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(_live(stack), origin=Origin(EVIL)):
            pass

    assert refused.value.response.status_code == 403


async def test_a_page_of_the_service_itself_listens(stack: Stack, project: str) -> None:
    async with connect(_live(stack), origin=Origin(stack.url("status"))) as socket:
        await socket.send(json.dumps({"op": "subscribe", "id": 1, "project": project}))

        assert json.loads(await socket.recv())["op"] == "subscribed"


async def test_a_page_of_another_origin_cancels_nothing(stack: Stack, client: Client) -> None:
    job = await client.submit(kind="image", prompt="x", parameters={"seconds": 1})
    cancel = f"{stack.url('gateway')}/v1/jobs/{job.id}/cancel"

    async with httpx.AsyncClient(timeout=20) as http:
        answer = await http.post(cancel, headers={"Origin": EVIL, "Content-Type": "text/plain"})

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    [ended] = await client.finish(job.id)
    assert ended.status == "succeeded"


def _live(stack: Stack) -> str:
    return f"ws://{urlsplit(stack.url('status')).netloc}/v1/live"
