"""What something costs is told before the button, and a budget is set, watched and kept."""

import json
import re

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
