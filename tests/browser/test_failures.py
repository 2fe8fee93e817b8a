"""What people see when something goes wrong."""

import re
import signal

from playwright.sync_api import expect

from tests.support.console_page import ConsolePage, Requests
from tests.support.stack import Stack


def test_a_failure_says_what_happened_and_each_way_out_works(
    console: ConsolePage, project: str
) -> None:
    """The sim shows it at no cost: refused, and not to be told from charged by guessing."""
    page = console.open(f"/projects/{project}/failures")
    card = page.get_by_role("listitem").filter(has_text="Refused request")
    card.get_by_role("button", name=re.compile("See it")).click()
    wrong = card.get_by_role("region", name="What went wrong")
    expect(wrong).to_contain_text("not charged")
    wrong.get_by_role("button", name="Change the request").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    expect(page.get_by_label("Prompt")).to_have_value("a picture that goes wrong: reject")


def test_a_job_tells_its_history_and_is_tried_again(
    console: ConsolePage, requests: Requests
) -> None:
    """Timeline, attempts, what was sent, the request as code; a retry is a new job."""
    job = requests.submit("too much", parameters={"seconds": 0, "fault": "policy"}, slot="shot/1")
    page = console.open(f"/jobs/{job}")
    expect(page.get_by_role("region", name="What went wrong")).to_be_visible()
    timeline = page.get_by_role("region", name="Timeline")
    expect(timeline.get_by_role("listitem").first).to_contain_text("Accepted")
    expect(timeline.get_by_role("listitem").last).to_contain_text("Failed")
    expect(page.get_by_role("heading", name=re.compile("Attempt 1"))).to_be_visible()
    page.get_by_role("button", name="Python", exact=True).click()
    expect(page.get_by_role("region", name="As code")).to_contain_text('prompt="too much"')
    page.get_by_role("region", name="What went wrong").get_by_role("button").first.click()
    page.get_by_role("status").get_by_role("link", name="Trying again").click()
    expect(page.get_by_role("link", name="the job before")).to_be_visible()


def test_a_broken_live_connection_is_told_and_nothing_is_missed(
    console: ConsolePage, requests: Requests, stack: Stack
) -> None:
    """`kill -9` of status while a job renders: a banner, then how much was caught up with."""
    console.forgiving = True
    page = console.open(f"/projects/{requests.project}")
    expect(page.get_by_role("heading", name="This project is empty")).to_be_visible()
    requests.submit("a keeper", slot="portrait/keeper", parameters={"seconds": 3})
    expect(page.get_by_role("progressbar", name="Progress of portrait/keeper")).to_be_visible()
    old = stack.pid("status")
    assert old
    stack.kill("status", signal.SIGKILL)
    banner = page.get_by_role("status")
    expect(banner.get_by_text("Reconnecting")).to_be_visible()
    expect(page.get_by_role("button", name="Make something")).to_be_enabled()
    expect(banner.get_by_text("Caught up")).to_be_visible()
    expect(page.get_by_role("img", name="portrait/keeper")).to_be_visible()


def test_an_unknown_job_is_a_page_with_a_way_out(console: ConsolePage) -> None:
    console.forgiving = True
    page = console.open("/jobs/job_01ARZ3NDEKTSV4RRFFQ69G5FAV")
    page.get_by_role("link", name="All projects", exact=True).click()
    expect(page.get_by_role("heading", name="Projects")).to_be_visible()
