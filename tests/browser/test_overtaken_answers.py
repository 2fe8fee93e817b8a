"""Answers come in any order and at any time: what is shown is the newest, and nothing that was written is lost."""

import re
import time

import httpx
from playwright.sync_api import Page, expect

from tests.support.console_page import ConsolePage, Requests
from tests.support.held_answers import HeldAnswer, until_drawn
from tests.support.live_path import Frame, LivePath
from tests.support.stack import Stack

_WITHIN = 60.0  #: seconds
_AT_ONCE = {"seconds": 0}


def test_a_slot_that_changes_while_it_is_read_is_read_again(
    console: ConsolePage, requests: Requests
) -> None:
    """The studio has heard of the second picture before it knows the first one."""
    path = LivePath(console.page)
    page = console.open(f"/projects/{requests.project}")
    expect(page.get_by_role("heading", name="This project is empty")).to_be_visible()
    first = HeldAnswer(page, re.compile("/slots/portrait/keeper$"))
    requests.make("first", slot="portrait/keeper", parameters=_AT_ONCE)
    first.until_held()
    second = requests.submit("second", slot="portrait/keeper", parameters=_AT_ONCE)
    until_heard_of(second, path, page)

    first.release()

    expect(page.get_by_role("main").get_by_text(re.compile("^v2"))).to_be_visible()


def test_a_job_that_comes_while_the_list_is_read_is_in_it(
    console: ConsolePage, requests: Requests
) -> None:
    path = LivePath(console.page)
    list_of_jobs = HeldAnswer(console.page, re.compile(r"/jobs\?"))
    page = console.open(f"/projects/{requests.project}/jobs")
    list_of_jobs.until_held()
    until_heard_of(requests.submit("meanwhile", parameters=_AT_ONCE), path, page)

    list_of_jobs.release()

    expect(page.get_by_role("link", name="meanwhile", exact=True)).to_be_visible()


def test_what_is_written_before_the_request_to_go_on_from_is_there_stays(
    console: ConsolePage, requests: Requests
) -> None:
    """The rest is of that request, and nothing can be sent before."""
    job = requests.submit("a keeper", slot="portrait/keeper", parameters=_AT_ONCE)
    given = HeldAnswer(console.page, re.compile(f"/v1/jobs/{job}$"))
    page = console.open(f"/projects/{requests.project}?new=portrait&from={job}")
    given.until_held()
    page.get_by_label("Prompt").fill("a keeper, older")
    send = page.get_by_role("button", name=re.compile("^Make it"))
    expect(send).to_be_disabled()

    given.release()

    expect(send).to_be_enabled()
    expect(page.get_by_role("textbox", name="Slot")).to_have_value("portrait/keeper")
    expect(page.get_by_label("Prompt")).to_have_value("a keeper, older")


def test_a_pair_that_is_not_read_yet_is_not_made_anew(
    console: ConsolePage, requests: Requests
) -> None:
    """Nobody can tell by then whether it is to be made or rendered again."""
    for half in ("a", "b"):
        requests.make("alice, front view", slot=f"cast/alice/ref_{half}", parameters=_AT_ONCE)
    halves = re.compile("/slots/cast/alice/")
    console.page.route(halves, lambda _: None)  # no answer
    page = console.open(f"/projects/{requests.project}/cast/alice")
    page.get_by_label("Prompt").fill("alice, older")
    expect(page.get_by_role("button", name=re.compile("^Make A and B"))).to_be_disabled()

    page.unroute(halves)
    page.reload()

    expect(page.get_by_role("button", name=re.compile("^Render both again"))).to_be_enabled()


def test_a_cap_is_raised_once_more_only_from_what_it_is_now(
    console: ConsolePage, stack: Stack
) -> None:
    page = console.open("/board")
    raise_cap = page.get_by_role("button", name="Raise the cap of text")
    expect(raise_cap).to_be_enabled()
    page.route("**/v1/lanes", lambda _: None)  # the board does not hear how the lanes are
    try:
        with page.expect_response(re.compile("/v1/lanes/text$")) as changed:
            raise_cap.click()
        changed.value.finished()
        until_drawn(page)

        expect(raise_cap).to_be_disabled()
    finally:
        httpx.patch(f"{stack.url('gateway')}/v1/lanes/text", json={"reset": True})


def test_a_slot_that_comes_to_be_while_its_page_is_looked_at_is_shown(
    console: ConsolePage, requests: Requests
) -> None:
    console.forgiving = True  # it is asked for before it is there
    page = console.open(f"/projects/{requests.project}/slots/portrait/keeper")
    expect(page.get_by_role("link", name="All projects", exact=True)).to_be_visible()

    requests.submit("a keeper", slot="portrait/keeper", parameters=_AT_ONCE)

    expect(page.get_by_role("img", name="portrait/keeper, version 1")).to_be_visible()


def until_heard_of(job: str, path: LivePath, page: Page) -> None:
    """Until a page was told the end of a job, and has looked at it."""
    end = time.monotonic() + _WITHIN
    while not any(_tells_the_end_of(job, frame) for frame in path.told):
        assert time.monotonic() < end, path.told
        page.wait_for_timeout(20)
    until_drawn(page)


def _tells_the_end_of(job: str, frame: Frame) -> bool:
    if frame["op"] != "event":
        return False
    return bool(frame["job"]["id"] == job and frame["job"]["status"] == "succeeded")
