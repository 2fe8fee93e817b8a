"""A page on a slow machine behind a slow network: answers come late, and in an order of their own."""

import json
import os

from playwright.sync_api import Page

#: `HELIOGRAPH_TEST_BROWSER_DELAY=7` makes each page slow, with the delays that this seed leads to
_SEED = os.environ.get("HELIOGRAPH_TEST_BROWSER_DELAY")
#: milliseconds, of which a request waits a part before it is sent, and its answer the rest
_LONGEST = 600
_SLOWER = 4  #: times, the processor

#: the generator is Mulberry32, as browsers have none with a seed
_DELAYED_FETCH = """
({ seed, longest }) => {
  const random = () => {
    let t = (seed += 0x6d2b79f5);
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const send = window.fetch;
  const wait = window.setTimeout;
  const pause = (share) => new Promise((done) => wait(done, share * longest));
  window.fetch = async (...given) => {
    const whole = random();
    const before = whole * random();
    await pause(before);
    const response = await send(...given);
    await pause(whole - before);
    given.find((each) => each?.signal)?.signal.throwIfAborted();
    return response;
  };
}
"""


def slow_down(page: Page) -> None:
    """Before anything is loaded. Does nothing unless `HELIOGRAPH_TEST_BROWSER_DELAY` has a seed."""
    if _SEED is None:
        return
    print(f"HELIOGRAPH_TEST_BROWSER_DELAY={_SEED}")  # noqa: T201  # shown of a test that fails
    delays = json.dumps({"seed": int(_SEED), "longest": _LONGEST})
    page.add_init_script(f"({_DELAYED_FETCH})({delays})")
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": _SLOWER})
