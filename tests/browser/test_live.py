"""Live connections that freeze, are too slow, or come back to another log: people are told, and see what is."""

import random
import re
import signal
import time
from typing import Any

import httpx
from playwright.sync_api import Locator, Page, expect

from tests.support.console_page import ConsolePage, Requests
from tests.support.live_path import Frame, LivePath, unchanged
from tests.support.stack import Stack

_AT_ONCE = {"seconds": 0}
_CUT_JOBS = 8  #: fewer than the list has rows in sight
_WITHIN = 60.0  #: seconds
_PING = 16_000  #: milliseconds, in which the page sends one


def banner_of(page: Page) -> Locator:
    return page.get_by_role("status").get_by_text("Caught up")


def until_subscribed(path: LivePath, times: int, page: Page) -> None:
    end = time.monotonic() + _WITHIN
    while path.subscribed < times:
        assert time.monotonic() < end, f"{path.subscribed} of {times} subscriptions"
        page.wait_for_timeout(20)


def events_of(stack: Stack, *jobs: str) -> int:
    """How many events of some jobs the log has."""
    gateway = stack.url("gateway")
    return sum(len(httpx.get(f"{gateway}/v1/jobs/{job}/events").json()["items"]) for job in jobs)


def test_a_service_that_freezes_is_noticed_and_afterwards_every_event_is_counted(
    console: ConsolePage, requests: Requests, stack: Stack
) -> None:
    """Its connection stays open and says nothing: only a reply that does not come tells."""
    console.forgiving = True
    console.page.clock.install()
    page = console.open(f"/projects/{requests.project}/jobs")
    expect(page.get_by_role("heading", name="No jobs yet")).to_be_visible()
    requests.submit("before", parameters=_AT_ONCE)
    expect(page.get_by_role("row").filter(has_text="Done")).to_have_count(1)
    stack.kill("status", signal.SIGSTOP)
    try:
        made = [requests.submit(f"number {n}", parameters=_AT_ONCE) for n in range(3)]
        page.clock.fast_forward(_PING)
        page.clock.fast_forward(_PING)
        expect(page.get_by_role("status").get_by_text("Reconnecting")).to_be_visible()
        expect(page.get_by_role("searchbox", name="Words in the prompt")).to_be_enabled()
        for job in made:
            requests.until_ended(job)
    finally:
        stack.kill("status", signal.SIGCONT)
    expect(banner_of(page)).to_be_visible()
    told = re.search(r"Caught up: (\d+) events", banner_of(page).text_content() or "")
    assert told
    assert int(told[1]) == events_of(stack, *made)


def test_a_page_that_was_too_slow_comes_back_and_misses_nothing(
    console: ConsolePage, requests: Requests
) -> None:
    """The service lets go of a client that does not keep up (4408): it is no refusal."""
    path = LivePath(console.page)
    page = console.open(f"/projects/{requests.project}/jobs")
    expect(page.get_by_role("heading", name="No jobs yet")).to_be_visible()
    requests.submit("before", parameters=_AT_ONCE)
    expect(page.get_by_role("row").filter(has_text="Done")).to_have_count(1)
    path.cut(4408, "too slow")
    requests.submit("meanwhile", parameters=_AT_ONCE)
    expect(banner_of(page)).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="Done")).to_have_count(2)
    again = [frame for frame in path.sent if frame["op"] == "subscribe"][-1]
    assert path.connections == 2
    assert again["after"]["sequence"] > 0


def test_however_often_the_connection_breaks_the_list_is_that_of_the_log(
    console: ConsolePage, requests: Requests
) -> None:
    """Cut at random moments while jobs are made: each is there once, as it ended."""
    rng = random.Random(seed := random.randrange(2**32))
    path = LivePath(console.page)
    page = console.open(f"/projects/{requests.project}/jobs")
    expect(page.get_by_role("heading", name="No jobs yet")).to_be_visible()
    until_subscribed(path, 1, page)
    made = list[str]()
    for number in range(_CUT_JOBS):
        made.append(requests.submit(f"number {number}", parameters=_AT_ONCE))
        page.wait_for_timeout(rng.uniform(0, 300))
        path.cut(rng.choice((1012, 4408, 1011)), "at random")
        # two that fail one after the other lead to event streams
        until_subscribed(path, number + 2, page)
    for job in made:
        requests.until_ended(job)
    rows = page.get_by_role("row").filter(has=page.get_by_role("checkbox"))
    expect(rows.filter(has_text="Done")).to_have_count(_CUT_JOBS)
    expect(rows).to_have_count(_CUT_JOBS)
    expect(page.get_by_role("status").get_by_text("Reconnecting")).to_have_count(0)
    assert path.connections > _CUT_JOBS, seed


def test_a_log_that_was_restored_from_a_backup_leaves_no_ghosts(
    console: ConsolePage, requests: Requests, stack: Stack
) -> None:
    """A job that the page knows and the restored log does not: another epoch, so all is read anew."""
    path = LivePath(console.page)
    long = {"seconds": 600, "steps": 900}
    running = requests.submit("dawn", kind="shot", slot="shot/7", parameters=long)
    path.to_page = _with_a_ghost
    page = console.open(f"/projects/{requests.project}")
    expect(page).to_have_title(f"(2) {requests.project} · Heliograph")
    path.to_page, path.to_service = unchanged, _of_another_epoch
    path.cut(1012, "restarted")
    expect(page).to_have_title(f"(1) {requests.project} · Heliograph")
    assert path.connections == 2
    httpx.post(f"{stack.url('gateway')}/v1/jobs/{running}/cancel", json={}).raise_for_status()
    expect(page).to_have_title(f"{requests.project} · Heliograph")


def _with_a_ghost(frame: Frame) -> Frame:
    """A snapshot with one more job than the log has."""
    if frame["op"] != "snapshot" or not frame["jobs"]:
        return frame
    ghost: dict[str, Any] = {**frame["jobs"][0], "id": "job_01ARZ3NDEKTSV4RRFFQ69G5FAV"}
    return {**frame, "jobs": [*frame["jobs"], {**ghost, "slot": "shot/ghost"}]}


def _of_another_epoch(frame: Frame) -> Frame:
    after = frame.get("after")
    return {**frame, "after": {**after, "epoch": "restored"}} if after else frame
