"""The console's list of jobs in a real browser: whether it keeps up while it is scrolled and while it changes."""

import asyncio
import secrets
from itertools import pairwise

from playwright.async_api import Browser, CDPSession, Page, ViewportSize

from bench.browser_trace import frame_work
from bench.deployment import Deployment
from bench.figures import Section, say, spread
from bench.log_seed import Seeder
from bench.profiles import Profile
from bench.timelines import STAMP
from bench.timelines import seconds as stamp
from heliograph.contracts import subjects
from heliograph.runtime.bus.event_log import STREAM

VIEW: ViewportSize = {"width": 1280, "height": 860}
_SCREEN = 700  #: pixels of a scroll step; a frame each
_CHANGES = 200  #: a second, while frames are looked at
_PACED = 50  #: events a second, while they are timed
_TICK = 0.1  #: seconds between two groups of events
_MIB = 2**20

#: scrolls to the end of the rows, whose pages come meanwhile; the times of all frames
_SCROLL = """
async (step) => {
  const rows = document.querySelector("[aria-label=Rows]");
  const frames = [];
  for (let still = 0; still < 90; ) {
    const before = rows.scrollTop;
    rows.scrollTop = before + step;
    frames.push(await new Promise(requestAnimationFrame));
    still = rows.scrollTop === before ? still + 1 : 0;
  }
  return frames.slice(0, -90);
}
"""
#: when the row of each new job was drawn, by its id
_DRAWN = """
() => {
  window.drawn = {};
  const links = "a[href^='/jobs/job_']";
  const note = (link) => {
    const job = link.pathname.slice(6);
    if (job in drawn) return;
    drawn[job] = 0;
    requestAnimationFrame(() => setTimeout(() => (drawn[job] = Date.now())));
  };
  // a row has a new element, or that of another job
  const look = ({ type, target, addedNodes }) => {
    if (type === "attributes") return target.matches(links) && note(target);
    addedNodes.forEach((node) => node.querySelectorAll?.(links).forEach(note));
  };
  new MutationObserver((changes) => changes.forEach(look))
    .observe(document.body, { childList: true, subtree: true, attributeFilter: ["href"] });
}
"""


async def measure_list(
    deployment: Deployment, browser: Browser, profile: Profile, section: Section
) -> None:
    """Scrolls a list of many jobs, and looks at it while others come."""
    jobs = min(10_000, profile.finished)
    say(f"  {jobs:,} jobs")
    project = f"p{secrets.token_hex(4)}"
    async with deployment.bus() as bus:
        await Seeder(bus).canceled(project, jobs)
    await deployment.until_idle("status")
    page = await browser.new_page(viewport=VIEW)
    await page.goto(f"{deployment.stack.url('gateway')}/projects/{project}/jobs")
    await page.get_by_role("row").nth(5).wait_for()
    await _scrolling(page, jobs, section)
    await page.evaluate("document.querySelector('[aria-label=Rows]').scrollTop = 0")
    devtools = await page.context.new_cdp_session(page)
    before = await _heap(devtools)
    section.note(f"heap with {jobs:,} jobs", before, "MiB", at_most=150)
    await _changes(deployment, browser, page, project, profile.paced_seconds, section)
    await _latency(deployment, page, project, profile.paced_seconds, section)
    nodes = await page.evaluate("document.querySelectorAll('*').length")
    section.note("elements in the page", nodes, "", at_most=3_000)
    grown = await _heap(devtools) - before
    events = 2 * (_CHANGES + _PACED) * profile.paced_seconds
    note = f"after {events:,.0f} more events"
    section.note("growth of the heap", grown, "MiB", note=note)
    await page.close()


async def _scrolling(page: Page, jobs: int, section: Section) -> None:
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = await main_thread(devtools)
    frames: list[float] = await page.evaluate(_SCROLL, _SCREEN)
    used = {name: spent - before[name] for name, spent in (await main_thread(devtools)).items()}
    loaded = await page.get_by_text("jobs loaded").text_content()
    gaps = [(after - before) / 1000 for before, after in pairwise(frames)]
    note = f"{loaded}; p99 of a frame {spread(gaps).p99:.0f} ms"
    section.note(
        f"scrolling through {jobs:,} jobs",
        len(gaps) / sum(gaps),
        "frames/s",
        at_least=55,
        note=note,
    )
    note = f"{1000 * used['script'] / len(gaps):.1f} ms of it script; processor time"
    section.note("main thread of a scrolled frame", 1000 * used["all"] / len(gaps), "ms", note=note)


async def _changes(
    deployment: Deployment,
    browser: Browser,
    page: Page,
    project: str,
    seconds: float,
    section: Section,
) -> None:
    """What the main thread does between two frames while jobs come and end."""
    await browser.start_tracing(
        page=page, categories=["disabled-by-default-devtools.timeline", "toplevel"]
    )
    await _write_events(deployment, project, _CHANGES, seconds)
    work = spread(frame_work(await browser.stop_tracing()))
    note = f"{_CHANGES} jobs a second come; the longest {work.most:.0f} ms, p99 {work.p99:.1f} ms"
    section.note("work between two frames, p95", work.p95, "ms", at_most=8, note=note)


async def _latency(
    deployment: Deployment, page: Page, project: str, seconds: float, section: Section
) -> None:
    """From the server's stamp on an event to the frame that shows its row."""
    await page.evaluate(_DRAWN)
    await _write_events(deployment, project, _PACED, seconds)
    await asyncio.sleep(1)  # the last of them
    drawn: dict[str, int] = await page.evaluate("drawn")
    stored = dict[str, float]()
    async with deployment.bus() as bus:
        async for message in bus.read_all(STREAM, subjects.event(project, "*")):
            stored[message.subject.rsplit(".", 1)[1]] = stamp(message.headers[STAMP])
    times = [at / 1000 - stored[job] for job, at in drawn.items() if at and job in stored]
    delays = spread(times)
    note = f"{_PACED} events a second, {delays.count} seen; median {delays.p50:.0f} ms"
    section.note("from an event to its pixels, p95", delays.p95, "ms", at_most=100, note=note)


async def _write_events(deployment: Deployment, project: str, rate: int, seconds: float) -> None:
    """Jobs that end at once, spread evenly over time."""
    clock = asyncio.get_running_loop()
    began = clock.time()
    async with deployment.bus() as bus:
        for turn in range(round(seconds / _TICK)):
            await Seeder(bus).canceled(project, max(1, round(rate * _TICK)))
            await asyncio.sleep(max(0.0, began + (turn + 1) * _TICK - clock.time()))


async def main_thread(devtools: CDPSession) -> dict[str, float]:
    """Seconds of processor time that the page has used, in all and for scripts."""
    reply = await devtools.send("Performance.getMetrics")
    values = {each["name"]: float(each["value"]) for each in reply["metrics"]}
    return {"all": values["TaskDuration"], "script": values["ScriptDuration"]}


async def _heap(devtools: CDPSession) -> float:
    """MiB, after what is not needed any more is gone."""
    await devtools.send("HeapProfiler.collectGarbage")
    usage = await devtools.send("Runtime.getHeapUsage")
    return float(usage["usedSize"]) / _MIB
