"""The console in a real browser: how much it loads, and how soon it is of use. Its list: `console_list`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, CDPSession, async_playwright

from bench.console_list import VIEW, measure_list
from bench.deployment import Deployment, deployment
from bench.figures import Section
from bench.profiles import Profile
from tests.support.browser import chromium_program

_THROTTLE = 4  #: times slower than this machine: an old laptop

_LANE = "section[aria-labelledby^=lane-] button"
#: notes when a lane of the board is there
_USABLE = f"""
new MutationObserver((_, observer) => {{
  if (!document.querySelector("{_LANE}")) return;
  performance.mark("usable");
  observer.disconnect();
}}).observe(document, {{ childList: true, subtree: true }});
"""


async def run(profile: Profile, section: Section) -> None:
    with deployment() as running:
        async with _browser() as browser:
            await _loading(running, browser, section)
            await measure_list(running, browser, profile, section)


@asynccontextmanager
async def _browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium_program(), args=["--disable-gpu", "--no-first-run"]
        )
        yield browser
        await browser.close()


async def _loading(deployment: Deployment, browser: Browser, section: Section) -> None:
    """The first visit, with nothing kept from before."""
    page = await browser.new_page(viewport=VIEW)
    await page.add_init_script(_USABLE)
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("Emulation.setCPUThrottlingRate", {"rate": _THROTTLE})
    scripts = dict[str, int]()
    for address, most in (("/", 100.0), ("/board", None)):
        before = sum(scripts.values())
        await _count_scripts(devtools, scripts)
        await page.goto(deployment.stack.url("gateway") + address, wait_until="networkidle")
        size = (sum(scripts.values()) - before) / 1000
        what = "script of the first page" if most else "script of the board besides"
        section.note(f"{what}, brotli", size, "kB", at_most=most)
    await page.locator(_LANE).first.wait_for()
    usable = await page.evaluate("performance.getEntriesByName('usable')[0].startTime")
    note = f"processor {_THROTTLE} times slower"
    section.note("from the address to a usable board", usable / 1000, "s", at_most=1.0, note=note)
    await page.close()


async def _count_scripts(devtools: CDPSession, scripts: dict[str, int]) -> None:
    """Note the bytes on the wire of each script from now on."""
    await devtools.send("Network.enable")
    urls = dict[str, str]()
    devtools.on(
        "Network.responseReceived", lambda e: urls.update({e["requestId"]: e["response"]["url"]})
    )

    def finished(event: dict[str, object]) -> None:
        url = urls.get(str(event["requestId"]), "")
        if url.endswith(".js") and url not in scripts:
            scripts[url] = int(str(event["encodedDataLength"]).split(".")[0])

    devtools.on("Network.loadingFinished", finished)
