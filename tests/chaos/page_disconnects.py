"""A page of the console whose live connection is cut again and again, in a real browser."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import CDPSession, Page, async_playwright

from tests.chaos.proxy import Proxy, proxied
from tests.chaos.test_typescript_client import bus_of, write_events
from tests.support.browser import chromium_program
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT

EVENTS = 4  #: written around each cut
_WITHIN = 0.1  #: seconds after the first event in which a connection is cut
_MIB = 2**20

#: follows the project beside the console; what it was told, in its order
_FOLLOW = """
async ({ url, project }) => {
  const { Heliograph } = await import(`${url}/heliograph.js`);
  const told = (window.told = { sequences: [], snapshots: 0, connections: 0, live: false });
  const onState = ({ name }) => {
    told.live = name === "live";
    if (told.live) told.connections++;
  };
  (async () => {
    for await (const { kind, cursor } of new Heliograph({ url, project }).live.follow({ onState })) {
      if (kind === "event") told.sequences.push(cursor.sequence);
      else if (kind === "snapshot") told.snapshots++;
    }
  })();
}
"""
#: the policy of the page forbids what Playwright's own waiting is made of
_UNTIL = """
async ({ connections, events }) => {
  while (!told.live || told.connections < connections || told.sequences.length < events)
    await new Promise((resolve) => setTimeout(resolve, 20));
}
"""


class LivePage:
    """A page of the console, and the proxy before the live service."""

    def __init__(self, page: Page, devtools: CDPSession, stack: Stack, proxy: Proxy) -> None:
        self.page = page
        self.stack = stack
        self._devtools = devtools
        self._proxy = proxy

    async def open(self, project: str) -> None:
        """The list of jobs, and a follower beside it, both live."""
        url = self.stack.url("gateway")
        await self.page.goto(f"{url}/projects/{project}/jobs")
        await self.page.get_by_role("heading", name="No jobs yet").wait_for()
        await self.page.evaluate(_FOLLOW, {"url": url, "project": project})
        await self._until(connections=1)

    async def cut_while_jobs_are_made(self, project: str, times: int) -> tuple[int, list[int]]:
        """How many connections were cut, and the sequences of the events that were written."""
        rng = random.Random()
        cut, written = 0, list[int]()
        async with bus_of(self.stack) as bus:
            for _ in range(times):
                before = await self.page.evaluate("told.connections")
                writing = asyncio.create_task(write_events(bus, project, EVENTS))
                await asyncio.sleep(rng.uniform(0, _WITHIN))
                cut += self._proxy.cut()
                written += await writing
                await self._until(connections=before + 1)
        return cut, sorted(written)

    async def told(self, count: int) -> list[int]:
        """The sequences of the events that the follower was told, once they are so many."""
        await self._until(events=count)
        sequences: list[int] = await self.page.evaluate("told.sequences")
        return sequences

    async def _until(self, connections: int = 0, events: int = 0) -> None:
        """Until the follower is live, on so many connections, and was told so many events."""
        async with asyncio.timeout(TIMEOUT):
            least = {"connections": connections, "events": events}
            await self.page.evaluate(_UNTIL, least)

    async def rows(self, count: int) -> int:
        """How many jobs the list of the console has, once there are so many."""
        table = self.page.get_by_role("table", name="Jobs")
        await table.and_(self.page.locator(f"[aria-rowcount='{count + 1}']")).wait_for()
        return int(await table.get_attribute("aria-rowcount") or 0) - 1

    async def weight(self) -> tuple[int, float]:
        """Event listeners and MiB of heap, after what is not needed any more is gone."""
        await self._devtools.send("HeapProfiler.collectGarbage")
        metrics = (await self._devtools.send("Performance.getMetrics"))["metrics"]
        values = {each["name"]: float(each["value"]) for each in metrics}
        return int(values["JSEventListeners"]), values["JSHeapUsedSize"] / _MIB


@asynccontextmanager
async def live_page(home: Path) -> AsyncIterator[LivePage]:
    """A Heliograph whose live service is reached by a proxy, and a tab that looks at it."""
    stack = Stack(home, {})
    async with proxied(stack.ports["status"]) as proxy, async_playwright() as playwright:
        stack.environment["HELIOGRAPH_STATUS_PUBLIC_URL"] = f"http://127.0.0.1:{proxy.port}"
        await asyncio.to_thread(stack.start)
        browser = await playwright.chromium.launch(
            executable_path=chromium_program(), args=["--disable-gpu", "--no-first-run"]
        )
        try:
            page = await browser.new_page()
            page.set_default_timeout(TIMEOUT * 1000)
            devtools = await page.context.new_cdp_session(page)
            await devtools.send("Performance.enable")
            yield LivePage(page, devtools, stack, proxy)
        finally:
            await browser.close()
            await asyncio.to_thread(stack.stop)
