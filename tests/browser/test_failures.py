"""What people see when something goes wrong."""

import json
import re
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import httpx
from playwright.sync_api import expect

from deploy.local.processes import ROOT
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


#: how each fault of the sim ends: the words of its job's status, and what was charged, if it says so
_ENDS = {
    "Refused request": ("Failed", "not charged"),
    "Content policy": ("Failed", "not charged"),
    "Rate limit": ("Done", None),
    "Provider unavailable": ("Done", None),
    "Lost answer, found": ("Done", None),
    "Lost answer": ("Answer lost", "not charged"),
    "Never finishes": ("Failed", "not charged"),
    "Not what was promised": ("Failed", "not charged"),
    "Empty result": ("Failed", "not charged"),
    "Not a picture": ("Failed", "not charged"),
    "Too large": ("Failed", "not charged"),
    "Bad download": ("Done", None),
}


def test_every_fault_of_the_sim_ends_as_its_card_says(console: ConsolePage, project: str) -> None:
    """Each that fails says what it cost, and what can be done."""
    page = console.open(f"/projects/{project}/failures")
    cards = {
        name: page.get_by_role("listitem").filter(
            has=page.get_by_role("heading", name=name, exact=True)
        )
        for name in _ENDS
    }
    for card in cards.values():
        card.get_by_role("button", name=re.compile("See it")).click()
    for name, (status, charged) in _ENDS.items():
        expect(cards[name].get_by_text(status, exact=True).first).to_be_visible()
        wrong = cards[name].get_by_role("region", name="What went wrong")
        if charged is None:
            expect(wrong).to_have_count(0)
        else:
            expect(wrong.get_by_text(charged, exact=True)).to_be_visible()
            assert wrong.get_by_role("button").count() > 0


def test_half_a_pair_that_fails_is_tried_again_alone(
    console: ConsolePage, requests: Requests, stack: Stack
) -> None:
    requests.cast("alice", "alice, front view", aspect_ratio="3:4")
    page = console.open(f"/projects/{requests.project}/cast/alice")
    for half in ("A", "B"):
        expect(page.get_by_role("img", name=f"alice, reference {half}")).to_be_visible()
    failing = {"seconds": 0, "fault": "reject"}
    requests.submit("alice", slot="cast/alice/ref_b", model="sim/picture", parameters=failing)
    wrong = page.get_by_role("region", name="What went wrong")
    expect(wrong).to_have_count(1)
    before = len(stack.ledger(requests.project))
    wrong.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("status").get_by_role("link", name="Trying again")).to_be_visible()
    expect(page.get_by_role("heading", name="A v1")).to_be_visible()
    assert len(stack.ledger(requests.project)) <= before + 1


def test_code_of_a_job_that_is_copied_runs_and_asks_for_the_same(
    console: ConsolePage, requests: Requests
) -> None:
    """With the idempotency key in it, a second run is the same job."""
    job = requests.submit("it's “quoted” $HOME `x`", parameters={"seconds": 0, "seed": 7})
    page = console.open(f"/jobs/{job}")
    code = page.get_by_role("region", name="As code").locator("pre")
    shell = code.text_content() or ""
    made = [json.loads(subprocess.check_output(["/bin/sh", "-c", shell])) for _ in range(2)]
    assert made[0]["id"] == made[1]["id"] != job
    assert made[0]["prompt"] == "it's “quoted” $HOME `x`"
    page.get_by_role("button", name="Python", exact=True).click()
    expect(code).to_contain_text("asyncio.run(main())")
    python = [sys.executable, "-c", code.text_content() or ""]
    assert "Asset(" in subprocess.check_output(python, text=True, timeout=60)


def test_code_in_typescript_runs_and_is_one_job(
    console: ConsolePage, requests: Requests, stack: Stack
) -> None:
    job = requests.submit("it's `quoted` ${HOME} \\ “so”", parameters={"seconds": 0, "seed": 8})
    page = console.open(f"/jobs/{job}")
    page.get_by_role("button", name="TypeScript", exact=True).click()
    code = page.get_by_role("region", name="As code").locator("pre")
    expect(code).to_contain_text("@heliograph/client")
    node = [str(Path(sys.executable).with_name("node")), "--input-type=module", "--eval"]
    for _ in range(2):
        said = subprocess.check_output(
            [*node, code.text_content() or ""], cwd=ROOT, text=True, timeout=120
        )
        assert "ast_" in said
    assert len(stack.ledger(requests.project)) == 2


def test_the_timeline_of_a_job_adds_up_and_its_attempt_shows_what_was_sent(
    console: ConsolePage, requests: Requests, stack: Stack
) -> None:
    """From the first event to the last, and no credential of ours in what went to the provider."""
    job = requests.submit("a keeper", parameters={"seconds": 1, "seed": 11})
    requests.until_ended(job)
    page = console.open(f"/jobs/{job}")
    timeline = page.get_by_role("region", name="Timeline")
    expect(timeline.get_by_role("listitem").last).to_contain_text("Succeeded")
    items = httpx.get(f"{stack.url('gateway')}/v1/jobs/{job}/events").json()["items"]
    first, last = (datetime.fromisoformat(items[place]["at"]) for place in (0, -1))
    told = re.search(r"([\d.]+) s", timeline.get_by_role("heading").text_content() or "")
    assert told
    assert abs(float(told[1]) - (last - first).total_seconds()) < 0.6
    attempts = page.get_by_role("region", name="Attempts")
    attempts.get_by_text("What was sent and answered").click()
    expect(attempts.get_by_text('"seed": 11')).to_be_visible()
    shown = page.content()
    secrets = [
        value
        for name, value in stack.environment.items()
        if re.search("SECRET|PASSWORD|TOKEN|_KEY$", name) and len(value) > 7
    ]
    assert not [value for value in secrets if value in shown]


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
    long = requests.submit("dawn", slot="portrait/dawn", parameters={"seconds": 600, "steps": 900})
    expect(page.get_by_role("progressbar", name="Progress of portrait/dawn")).to_be_visible()
    old = stack.pid("status")
    assert old
    stack.kill("status", signal.SIGKILL)
    banner = page.get_by_role("status")
    expect(banner.get_by_text("Reconnecting")).to_be_visible()
    requests.submit("a keeper", slot="portrait/keeper", parameters={"seconds": 0})
    expect(page.get_by_role("button", name="Make something")).to_be_enabled()
    expect(banner.get_by_text("Caught up")).to_be_visible()
    expect(page.get_by_role("img", name="portrait/keeper")).to_be_visible()
    requests.cancel(long)


def test_an_unknown_job_is_a_page_with_a_way_out(console: ConsolePage) -> None:
    console.forgiving = True
    page = console.open("/jobs/job_01ARZ3NDEKTSV4RRFFQ69G5FAV")
    page.get_by_role("link", name="All projects", exact=True).click()
    expect(page.get_by_role("heading", name="Projects")).to_be_visible()
