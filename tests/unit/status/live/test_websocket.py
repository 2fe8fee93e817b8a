"""The route of live connections."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from services.status.app import create_app
from services.status.settings import StatusSettings


async def test_a_client_that_is_gone_when_it_is_closed_is_no_error(tmp_path: Path) -> None:
    app = create_app(StatusSettings(home=tmp_path))
    sent = list[str]()
    received: Iterator[dict[str, Any]] = iter(
        [{"type": "websocket.connect"}, {"type": "websocket.receive", "bytes": b"no text"}]
    )

    async def receive() -> dict[str, Any]:
        return next(received)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message["type"])
        if message["type"] == "websocket.close":
            raise OSError("the client is gone")

    scope = {
        "type": "websocket",
        "path": "/v1/live",
        "raw_path": b"/v1/live",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1:8081")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8081),
        "subprotocols": [],
    }
    await app(scope, receive, send)  # type: ignore[arg-type]

    assert (sent[0], sent[-1]) == ("websocket.accept", "websocket.close")
