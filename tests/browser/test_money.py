"""What something costs is told before the button, and a budget is set, watched and kept."""

import json
import re

import httpx
from playwright.sync_api import expect

from tests.support.console_page import ConsolePage, Requests
from tests.support.stack import Stack

_PRICED = {"seconds": 0, "price": 0.04}


def test_what_is_sent_is_bound_by_the_price_that_was_shown(
    console: ConsolePage, requests: Requests, stack: Stack
) -> None:
    """A quote of exactly what is sent: the prompt was changed after the price was shown."""
    job = requests.submit("a keeper", slot="portrait/keeper", parameters=_PRICED)
    page = console.open(f"/projects/{requests.project}?new=portrait&from={job}")
    send = page.get_by_role("button", name="Make it · $0.04")
    expect(send).to_be_visible()
    expect(page.get_by_text("starts at once, done in about")).to_be_visible()
    page.get_by_label("Prompt").fill("a keeper, older")
    page.get_by_role("textbox", name="Slot").fill("portrait/older")
    with page.expect_request(
        lambda request: request.method == "POST" and request.url.endswith("/jobs")
    ) as sent:
        send.dblclick()
    assert json.loads(sent.value.post_data or "")["quote"]
    expect(page.get_by_role("img", name="portrait/older")).to_be_visible()
    assert len(stack.ledger(requests.project)) == 2


def test_a_pair_costs_what_was_shown_for_both(
    console: ConsolePage, requests: Requests, stack: Stack
) -> None:
    page = console.open(f"/projects/{requests.project}?new=cast_ref&person=alice")
    page.get_by_label("Prompt").fill("alice, front view")
    with page.expect_request(lambda request: request.method == "PUT") as sent:
        page.get_by_role("button", name="Make A and B · free").click()
    assert float(json.loads(sent.value.post_data or "")["max_cost"]) == 0
    for half in ("A", "B"):
        expect(page.get_by_role("img", name=f"alice, reference {half}")).to_be_visible()


def test_a_budget_that_is_set_is_told_when_it_is_spent_and_before_a_job_that_does_not_fit(
    console: ConsolePage, requests: Requests
) -> None:
    requests.make("a keeper", slot="portrait/keeper", parameters=_PRICED)
    page = console.open(f"/projects/{requests.project}/usage")
    page.get_by_role("button", name="Set a budget").click()
    form = page.get_by_role("dialog", name=f"Budget of {requests.project}")
    form.get_by_label("For a day").fill("0.08")
    form.get_by_label("Time zone").select_option("UTC")
    form.get_by_role("button", name="Set the budget").click()
    budget = page.get_by_role("region", name="Budget")
    expect(budget).to_contain_text("$0.04 left")
    expect(budget).to_contain_text("50 % reached")
    expect(page.get_by_text("by the time of UTC")).to_be_visible()
    requests.make("once more", slot="portrait/keeper", parameters=_PRICED)
    expect(page.get_by_text("The budget of the day of")).to_contain_text("is spent: $0.08 of $0.08")
    expect(budget).to_contain_text("nothing left")
    page.get_by_role("link", name="Studio").click()
    page.get_by_role("main").get_by_role("link", name="portrait/keeper").click()
    page.get_by_role("link", name=re.compile("Render again")).click()
    expect(page.get_by_text("has nothing left, and renews")).to_be_visible()
    expect(page.get_by_role("button", name="Make it · $0.04")).to_be_disabled()
    page.get_by_role("button", name="Close").click()
    page.get_by_role("link", name="Look at the budget").click()
    page.get_by_role("button", name="Change the budget").click()
    expect(form.get_by_label("For a day")).to_have_value("0.08")
    form.get_by_label("For a day").fill("")
    form.get_by_role("button", name="Remove the budget").click()
    expect(page.get_by_text("its jobs may cost what they cost")).to_be_visible()


def test_a_model_of_unknown_price_asks_for_the_most_that_it_may_cost(
    console: ConsolePage, requests: Requests, stack: Stack
) -> None:
    """The limit is a part of the request, is shown as its price, and counts against the budget."""
    console.forgiving = True  # a quote without a limit is refused
    requests.set_budget(day="1")
    page = console.open(f"/projects/{requests.project}?new=portrait")
    page.get_by_label("Prompt").fill("a keeper")
    page.get_by_role("textbox", name="Slot").fill("portrait/keeper")
    most = page.get_by_role("textbox", name="Most that it may cost")
    expect(page.get_by_role("button", name="Make it · free")).to_be_visible()
    expect(most).to_have_count(0)
    page.get_by_label("Model").select_option(label="Sim of unknown price")
    expect(most).to_be_visible()
    expect(page.get_by_text("The price of this model is not known")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Make it")).click()
    expect(most).to_be_focused()
    assert stack.ledger(requests.project) == []
    most.fill("2")
    expect(page.get_by_role("button", name="Make it · up to $2.00")).to_be_disabled()
    expect(page.get_by_text("The budget of the day has")).to_be_visible()
    most.fill("0.25")
    send = page.get_by_role("button", name="Make it · up to $0.25")
    expect(send).to_be_enabled()
    with page.expect_request(
        lambda request: request.method == "POST" and request.url.endswith("/jobs")
    ) as sent:
        send.click()
    assert json.loads(sent.value.post_data or "")["max_cost"] == "0.25"
    expect(page.get_by_role("img", name="portrait/keeper")).to_be_visible()


def test_what_stopping_costs_is_told_before_it_is_done(
    console: ConsolePage, requests: Requests, stack: Stack
) -> None:
    """Nothing for who still waits; what it is at the provider where that has the request, or may have it."""
    page = console.page
    dialog = page.get_by_role("dialog", name="Stop this job?")
    running = requests.submit("dawn", parameters={"seconds": 600, "price": 0.04})
    lost = requests.submit("lost", parameters={"fault": "lost_reply", "price": 0.04})
    lane = f"{stack.url('gateway')}/v1/lanes/video"
    httpx.patch(lane, json={"paused": True}).raise_for_status()
    try:
        waiting = requests.submit("film", kind="video", parameters={"price": 0.28})
        for job, state, words, price in (
            (waiting, "Waiting", "Stopping costs nothing", "free"),
            (running, "Rendering", "may charge for it although", "may be charged"),
            (lost, "Answer lost", "may charge for it although", "may be charged"),
        ):
            console.open(f"/jobs/{job}")
            shown = page.get_by_role("main").get_by_text(re.compile(f"^({state}|Held up)$"))
            expect(shown.first).to_be_visible()
            page.get_by_role("button", name="Stop", exact=True).click()
            expect(dialog).to_contain_text(words)
            dialog.get_by_role("button", name="Let it go on").click()
            expect(dialog).to_have_count(0)
            page.get_by_role("button", name="Stop", exact=True).click()
            dialog.get_by_role("button", name=f"Stop · {price}").click()
            expect(page.get_by_text("Canceled", exact=True).first).to_be_visible()
    finally:
        httpx.patch(lane, json={"reset": True}).raise_for_status()


def test_a_retry_begins_at_the_cheapest_step_and_says_what_each_costs(
    console: ConsolePage, requests: Requests, stack: Stack
) -> None:
    """A picture that was too large is still at the provider: fetching it again is free."""
    job = requests.submit("vast", parameters={"seconds": 0, "fault": "huge", "price": 0.04})
    requests.until_ended(job)
    page = console.open(f"/jobs/{job}")
    wrong = page.get_by_role("region", name="What went wrong")
    expect(wrong.get_by_text("charged", exact=True)).to_be_visible()
    buttons = wrong.get_by_role("button")
    expect(buttons.filter(has_text="Fetch it again for nothing")).to_have_count(1)
    expect(buttons.filter(has_text="Submit it again for 0.04 USD")).to_have_count(1)
    buttons.filter(has_text="Fetch it again for nothing").click()
    page.get_by_role("status").get_by_role("link", name="Trying again").click()
    expect(page.get_by_role("link", name="the job before")).to_be_visible()
    assert len(stack.ledger(requests.project)) == 1


def test_of_many_retries_those_that_are_free_can_be_had_alone(
    console: ConsolePage, requests: Requests, stack: Stack
) -> None:
    for number in range(2):
        requests.make(f"vast {number}", parameters={"seconds": 0, "fault": "huge", "price": 0.04})
    for number in range(3):
        refused = {"seconds": 0, "fault": "reject", "price": 0.04}
        requests.make(f"refused {number}", parameters=refused)
    page = console.open(f"/projects/{requests.project}/jobs?status=failed")
    boxes = page.get_by_role("checkbox")
    expect(boxes).to_have_count(5)
    boxes.first.click()
    boxes.last.click(modifiers=["Shift"])
    page.get_by_role("button", name="Try again…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("2 free, 3 cost $0.12")
    expect(dialog.get_by_role("button", name="All, pay for 3 · $0.12")).to_be_visible()
    before = len(stack.ledger(requests.project))
    dialog.get_by_role("button", name="Try again 2 · free").click()
    expect(page.get_by_text("Try again: 2 jobs")).to_be_visible()
    assert len(stack.ledger(requests.project)) == before
