"""A small HTTP server on a free port, in the loop of a test."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.types import ASGIApp

from heliograph.runtime.http.connection_limits import WebSocketProtocol, http_protocol
from heliograph.runtime.server import listen
from heliograph.runtime.settings import ServiceSettings
from tests.support.servers import free_port


class _Server(uvicorn.Server):
    """Signals are for the tests."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[str]:
    """The address of an application, until the block ends."""
    port = free_port()
    server = _Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, lifespan="off")
    )
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await running


@asynccontextmanager
async def served_as_services(app: ASGIApp, settings: ServiceSettings) -> AsyncIterator[int]:
    """The port of an application behind the protocols and limits of services, until the block ends."""
    config = uvicorn.Config(
        app, http=http_protocol(settings), ws=WebSocketProtocol, log_config=None, lifespan="off"
    )
    server = uvicorn.Server(config)
    with listen("127.0.0.1", 0) as listener:
        serving = asyncio.create_task(server._serve([listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        yield listener.getsockname()[1]
        server.should_exit = server.force_exit = True
        await serving
