"""The list of jobs, the board of lanes, and usage."""

import re
from datetime import datetime, timedelta

import httpx
from playwright.sync_api import Browser, expect

from tests.support.console_page import ConsolePage, Requests, console_page
from tests.support.stack import Stack


def test_a_filter_lives_in_the_address_and_selected_jobs_are_tried_again_after_a_look_at_the_price(
    console: ConsolePage, requests: Requests
) -> None:
    for number in range(3):
        requests.submit(
            f"zürich, “{number}”",
            parameters={"seconds": 0, "fault": "reject", "price": 0.04},
        )
    requests.submit("another", parameters={"seconds": 0})
    page = console.open(f"/projects/{requests.project}/jobs")
    rows = page.get_by_role("row").filter(has=page.get_by_role("checkbox"))
    expect(rows).to_have_count(4)
    expect(rows.filter(has_text="Failed")).to_have_count(3)
    page.get_by_role("button", name=re.compile("^Failed")).click()
    page.get_by_role("searchbox").fill("zürich")
    expect(rows).to_have_count(3)
    expect(page).to_have_url(re.compile(r"status=failed.*q=z"))
    page.reload()
    expect(rows).to_have_count(3)
    boxes = page.get_by_role("checkbox")
    boxes.first.click()
    boxes.last.click(modifiers=["Shift"])
    expect(page.get_by_text("3 jobs selected")).to_be_visible()
    page.get_by_role("button", name="Try again…").click()
    page.get_by_role("dialog").get_by_role("button", name="Pay for 3 · $0.12").click()
    expect(page.get_by_text("Try again: 3 jobs")).to_be_visible()
    page.get_by_role("button", name="Clear").first.click()
    expect(rows).to_have_count(7)


def test_an_order_and_a_filter_are_kept_under_a_name_and_travel_in_the_address(
    console: ConsolePage, requests: Requests, browser: Browser, stack: Stack
) -> None:
    """Back and forward go through them, and another browser that has the address shows the same."""
    for number in range(3):
        requests.make(f"number {number}", kind="shot", parameters={"seconds": 0})
    requests.make("other", parameters={"seconds": 0})
    page = console.open(f"/projects/{requests.project}/jobs")
    rows = page.get_by_role("row").filter(has=page.get_by_role("checkbox"))
    expect(rows.first).to_contain_text("other")
    page.get_by_label("Kind").select_option("shot")
    page.get_by_label("Order").select_option("oldest")
    expect(rows.first).to_contain_text("number 0")
    expect(rows).to_have_count(3)
    expect(page.get_by_role("columnheader", name="Asked")).to_have_attribute(
        "aria-sort", "ascending"
    )
    page.get_by_role("button", name="Save this view").click()
    page.keyboard.type("old shots")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Clear").click()
    page.get_by_label("Order").select_option("newest")
    expect(rows.first).to_contain_text("other")
    page.reload()
    page.get_by_role("link", name="old shots").click()
    expect(rows.first).to_contain_text("number 0")
    page.go_back()
    expect(rows.first).to_contain_text("other")
    page.go_forward()
    expect(rows.first).to_contain_text("number 0")
    with console_page(browser, stack) as elsewhere:
        same = elsewhere.open(page.url.removeprefix(console.address))
        expect(same.get_by_role("link", name="number 0")).to_be_visible()
        expect(same.get_by_role("link", name="other")).to_have_count(0)
    page.get_by_role("button", name="Remove the view old shots").click()
    expect(page.get_by_role("link", name="old shots")).to_have_count(0)


def test_five_filters_together_show_the_same_in_another_browser(
    console: ConsolePage, requests: Requests, browser: Browser, stack: Stack
) -> None:
    """Status, kind, model, words and order: all of them are in the address."""
    for number in range(2):
        failing = {"seconds": 0, "fault": "reject"}
        requests.make(f"the müller's “lamp” {number}", kind="shot", parameters=failing)
    requests.make("the müller's “lamp” 7", kind="shot", parameters={"seconds": 0})
    requests.make("the müller's “lamp” 8", kind="portrait", parameters=failing)
    requests.make("another", kind="shot", parameters=failing)
    page = console.open(f"/projects/{requests.project}/jobs")
    rows = page.get_by_role("row").filter(has=page.get_by_role("checkbox"))
    expect(rows).to_have_count(5)
    page.get_by_role("button", name=re.compile("^Failed")).click()
    page.get_by_label("Kind").select_option("shot")
    page.get_by_label("Model").select_option("sim/picture")
    page.get_by_label("Order").select_option("oldest")
    page.get_by_role("searchbox").fill("müller's “lamp”")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("lamp” 0")
    expect(page).to_have_url(re.compile("q=m"))
    with console_page(browser, stack) as elsewhere:
        same = elsewhere.open(page.url.removeprefix(console.address))
        matching = same.get_by_role("row").filter(has=same.get_by_role("checkbox"))
        expect(matching).to_have_count(2)
        expect(matching.first).to_contain_text("lamp” 0")
        for label, value in (("Kind", "shot"), ("Model", "sim/picture"), ("Order", "oldest")):
            expect(same.get_by_label(label)).to_have_value(value)
        expect(same.get_by_role("searchbox")).to_have_value("müller's “lamp”")


def test_two_hundred_jobs_are_selected_and_a_row_stays_while_others_come(
    console: ConsolePage, requests: Requests
) -> None:
    """To the end of a long list and back; what is read does not move under the hand."""
    batch = [
        {
            "kind": "image",
            "prompt": f"number {number}",
            "parameters": {"seconds": 0, "fault": "reject"},
        }
        for number in range(210)
    ]
    requests.batch(batch)
    page = console.open(f"/projects/{requests.project}/jobs?status=failed")
    rows = page.get_by_label("Rows")
    expect(page.get_by_role("button", name=re.compile("^Failed 210"))).to_be_visible()
    boxes = page.get_by_role("checkbox")
    boxes.first.click()
    for loaded in (200, 210):
        rows.evaluate("(rows) => { rows.scrollTop = rows.scrollHeight; }")
        expect(page.get_by_text(f"{loaded} jobs loaded")).to_be_visible()
    rows.evaluate("(rows) => { rows.scrollTop = 64 * 196; }")
    row = page.locator("[aria-rowindex='201']")
    row.get_by_role("checkbox").click(modifiers=["Shift"])
    expect(page.get_by_text("200 jobs selected")).to_be_visible()
    name, place = row.get_by_role("link").text_content(), row.bounding_box()
    for number in range(5):
        requests.make(f"later {number}", parameters={"seconds": 0, "fault": "reject"})
    expect(page.get_by_role("button", name="5 new")).to_be_visible()
    assert row.get_by_role("link").text_content() == name
    assert row.bounding_box() == place
    page.get_by_role("button", name="Try again…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("200 free")
    dialog.get_by_role("button", name=re.compile("^Try again 200")).click()
    expect(page.get_by_text("Try again: 200 jobs")).to_be_visible()


def test_whoever_comes_back_to_a_list_is_at_the_row_where_they_left(
    console: ConsolePage, requests: Requests
) -> None:
    for number in range(30):
        requests.submit(f"number {number}", parameters={"seconds": 0})
    page = console.open(f"/projects/{requests.project}/jobs")
    row = page.get_by_role("link", name="number 8", exact=True)
    expect(page.get_by_role("link", name="number 29", exact=True)).to_be_visible()
    page.get_by_label("Rows").evaluate("(rows) => { rows.scrollTop = 64 * 18; }")
    expect(page).to_have_url(re.compile(r"at=job_"))
    row.click()
    expect(page.get_by_role("heading", name="number 8")).to_be_visible()
    page.go_back()
    expect(row).to_be_in_viewport()


def test_new_jobs_wait_behind_a_button_while_somebody_reads_further_down(
    console: ConsolePage, requests: Requests
) -> None:
    for number in range(14):
        requests.submit(f"number {number}", parameters={"seconds": 0})
    page = console.open(f"/projects/{requests.project}/jobs")
    newest = page.get_by_role("link", name="number 13", exact=True)
    expect(newest).to_be_visible()
    page.get_by_label("Rows").evaluate("(rows) => { rows.scrollTop = 300; }")
    expect(newest).not_to_be_in_viewport()
    requests.submit("the newest", parameters={"seconds": 0})
    page.get_by_role("button", name="1 new").click()
    expect(page.get_by_role("link", name="the newest", exact=True)).to_be_in_viewport()


def test_rows_are_read_in_their_order_once_they_rest(
    console: ConsolePage, requests: Requests
) -> None:
    """Elements stay in their places while jobs come; keys and screen readers go by the document."""
    for number in range(3):
        requests.submit(f"number {number}", parameters={"seconds": 0})
    page = console.open(f"/projects/{requests.project}/jobs")
    expect(page.get_by_role("link", name="number 2", exact=True)).to_be_visible()
    for number in range(3, 9):
        requests.submit(f"number {number}", parameters={"seconds": 0})
    links = page.get_by_label("Rows").get_by_role("link")
    expect(links).to_have_text([f"number {number}" for number in range(8, -1, -1)])
    links.nth(2).focus()
    requests.submit("number 9", parameters={"seconds": 0})
    expect(links).to_have_text([f"number {number}" for number in range(9, -1, -1)])
    expect(page.get_by_role("link", name="number 6", exact=True)).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="number 5", exact=True)).to_be_focused()


def test_a_list_begins_with_a_day_which_is_in_its_address(
    console: ConsolePage, requests: Requests
) -> None:
    requests.submit("today", parameters={"seconds": 0})
    today = datetime.now().astimezone().date()
    page = console.open(f"/projects/{requests.project}/jobs")
    job = page.get_by_role("link", name="today", exact=True)
    expect(job).to_be_visible()
    page.get_by_label("Go to a day").fill(str(today - timedelta(days=2)))
    expect(page.get_by_role("heading", name="No job is like that")).to_be_visible()
    expect(page).to_have_url(re.compile(f"day={today - timedelta(days=2)}"))
    page.reload()
    expect(page.get_by_role("heading", name="No job is like that")).to_be_visible()
    page.get_by_label("Order").select_option("oldest")
    expect(job).to_be_visible()
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_label("Go to a day")).to_have_value("")
    page.get_by_label("Order").select_option("newest")
    page.get_by_label("Go to a day").fill(str(today + timedelta(days=1)))
    expect(job).to_be_visible()


def test_the_board_shows_a_lane_its_order_and_lets_it_be_paused(
    console: ConsolePage, requests: Requests, stack: Stack
) -> None:
    """Operators see who waits and why, and what they change holds for every process."""
    page = console.open("/board")
    lane = page.get_by_role("region", name="Text")
    lane.get_by_role("button", name="Pause text").click()
    expect(lane.get_by_text("Paused")).to_be_visible()
    try:
        requests.submit("a story", kind="scenes", slot="story/one")
        expect(lane.get_by_text("1 job waits")).to_be_visible()
        expect(lane.get_by_text("lane text is paused")).to_be_visible()
        expect(lane.get_by_role("link", name=re.compile(requests.project))).to_be_visible()
        lane.get_by_role("button", name="Let text go on").click()
        expect(lane.get_by_text("Nothing waits")).to_be_visible()
        lane.get_by_role("button", name="Raise the cap of text").click()
        expect(lane.get_by_text("of 5 in use")).to_be_visible()
    finally:
        httpx.patch(f"{stack.url('gateway')}/v1/lanes/text", json={"reset": True})


def test_usage_is_added_up_by_what_somebody_asks_for_beside_the_budget(
    console: ConsolePage, requests: Requests, stack: Stack
) -> None:
    for number in range(2):
        priced = {"seconds": 0, "price": 0.04}
        requests.make(f"number {number}", parameters=priced)
    requests.make("a shot", kind="shot", parameters={"seconds": 0, "price": 0.1})
    address = f"{stack.url('gateway')}/v1/projects/{requests.project}/budget"
    httpx.put(address, json={"month": "10"}).raise_for_status()
    page = console.open(f"/projects/{requests.project}/usage")
    budget = page.get_by_role("region", name="Budget")
    expect(budget).to_contain_text("$9.82 left")
    expect(budget.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "2")
    expect(page.get_by_text("$0.18", exact=True)).to_have_count(2)  # in all, and of the day
    expect(page.get_by_text("3 succeeded")).to_be_visible()
    page.get_by_role("button", name="by kind").click()
    expect(page.get_by_role("row").nth(1)).to_contain_text("shot")
    expect(page.get_by_role("row").nth(2)).to_contain_text("$0.08")
    expect(page).to_have_url(re.compile("by=kind"))
