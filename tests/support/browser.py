"""A real browser for tests: Chromium without a window, told what to do over its DevTools protocol."""

import asyncio
import itertools
import json
import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from tests.support.servers.server import missing
from tests.support.timeouts import TIMEOUT

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


def chromium_program() -> str:
    """The browser that `HELIOGRAPH_TEST_CHROMIUM` names, or that is found. Skips where there is none."""
    named = os.environ.get("HELIOGRAPH_TEST_CHROMIUM")
    program = named or next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if program is None:
        missing("there is no Chromium (Debian: apt-get install chromium)")
    return program


class Page:
    """One tab."""

    def __init__(self, connection: ClientConnection, session: str) -> None:
        self._connection = connection
        self._session = session
        self._numbers = itertools.count(1)

    async def open(self, url: str) -> None:
        await self._call("Page.navigate", url=url)

    async def evaluate(self, expression: str) -> Any:
        """The value of an expression of JavaScript, waited for. Raises AssertionError."""
        reply = await self._call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in reply, reply["exceptionDetails"]
        return reply["result"].get("value")

    async def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        call = {"id": number, "sessionId": self._session, "method": method, "params": parameters}
        return await _exchange(self._connection, call)


@asynccontextmanager
async def browser_page(profile: Path) -> AsyncIterator[Page]:
    """A page of a new browser. Skips the test where there is none; fails in CI."""
    process = await asyncio.create_subprocess_exec(
        chromium_program(),
        "--headless=new",
        "--no-sandbox",  # where tests run as root, it needs that
        "--disable-gpu",
        "--no-first-run",
        "--autoplay-policy=no-user-gesture-required",
        "--remote-debugging-port=0",
        f"--user-data-dir={profile}",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "HOME": str(profile)},
    )
    try:
        async with asyncio.timeout(TIMEOUT):
            address = await _address(process)
        draining = asyncio.create_task(_drain(process))
        async with connect(address, max_size=None) as connection:
            yield await _first_page(connection)
        draining.cancel()
    finally:
        process.kill()
        await process.wait()


async def _address(process: asyncio.subprocess.Process) -> str:
    """Where the browser says that it can be told what to do."""
    assert process.stderr
    while line := (await process.stderr.readline()).decode():
        if match := re.search(r"DevTools listening on (ws://\S+)", line):
            return match[1]
    raise AssertionError("the browser ended")


async def _drain(process: asyncio.subprocess.Process) -> None:
    assert process.stderr
    while await process.stderr.read(65536):
        pass


async def _first_page(connection: ClientConnection) -> Page:
    targets = await _exchange(connection, {"id": 0, "method": "Target.getTargets"})
    [page] = [each for each in targets["targetInfos"] if each["type"] == "page"]
    attach = {"targetId": page["targetId"], "flatten": True}
    attached = await _exchange(
        connection, {"id": -1, "method": "Target.attachToTarget", "params": attach}
    )
    return Page(connection, attached["sessionId"])


async def _exchange(connection: ClientConnection, call: dict[str, Any]) -> dict[str, Any]:
    await connection.send(json.dumps(call))
    async with asyncio.timeout(TIMEOUT):
        while True:
            reply = json.loads(await connection.recv())
            if reply.get("id") == call["id"]:
                assert "error" not in reply, reply["error"]
                result: dict[str, Any] = reply["result"]
                return result
