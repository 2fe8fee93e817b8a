"""What people do in the studio of a project."""

import re

from playwright.sync_api import expect

from tests.support.console_page import ConsolePage, Requests
from tests.support.stack import Stack


def test_an_empty_project_teaches_and_a_first_picture_comes_without_reload(
    console: ConsolePage, project: str, stack: Stack
) -> None:
    """Price and wait are told before the button, by keyboard alone, and the job is sent once."""
    page = console.open(f"/projects/{project}")
    expect(page.get_by_role("heading", name="This project is empty")).to_be_visible()
    expect(page.get_by_text("No provider has a key")).to_be_visible()
    page.get_by_role("button", name="Make a portrait").press("Enter")
    expect(page.get_by_label("Prompt")).to_be_focused()
    page.keyboard.type("a lighthouse keeper <img src=x onerror=alert(1)>")
    page.get_by_role("textbox", name="Slot").fill("portrait/keeper")
    send = page.get_by_role("button", name=re.compile("Make it"))
    expect(send).to_contain_text("free")
    expect(page.get_by_text("starts at once")).to_be_visible()
    send.dblclick()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("progressbar", name="Progress of portrait/keeper")).to_be_visible()
    expect(page.get_by_role("img", name="portrait/keeper")).to_be_visible()
    expect(page.get_by_role("status").get_by_text("Done: portrait/keeper")).to_be_visible()
    expect(page).to_have_title(f"{project} · Heliograph")
    assert len(stack.ledger(project)) == 1


def test_one_half_of_a_pair_is_rendered_again_and_the_other_stays(
    console: ConsolePage, requests: Requests, stack: Stack
) -> None:
    """Both halves move on one card; a double click makes one job."""
    requests.cast("alice", "alice, front view", aspect_ratio="3:4")
    page = console.open(f"/projects/{requests.project}")
    for half in ("A", "B"):
        expect(page.get_by_role("img", name=f"alice, reference {half}")).to_be_visible()
    page.get_by_role("link", name="alice", exact=True).click()
    expect(page.get_by_label("Prompt")).to_have_value("alice, front view")
    page.get_by_label("Change").fill("older")
    page.get_by_role("button", name=re.compile("Render B again")).dblclick()
    expect(page.get_by_role("heading", name="B v2")).to_be_visible()
    expect(page.get_by_role("heading", name="A v1")).to_be_visible()
    assert len(stack.ledger(requests.project)) == 3
    page.keyboard.press("c")
    expect(page.get_by_role("slider")).to_be_visible()


def test_versions_are_compared_by_keyboard_and_an_old_one_is_restored(
    console: ConsolePage, requests: Requests
) -> None:
    requests.make("a keeper", slot="portrait/keeper", parameters={"seconds": 0, "seed": 1})
    page = console.open(f"/projects/{requests.project}/slots/portrait/keeper")
    expect(page.get_by_role("img", name="portrait/keeper, version 1")).to_be_visible()
    requests.submit("a keeper", slot="portrait/keeper", parameters={"seconds": 0, "seed": 2})
    expect(page.get_by_role("img", name="portrait/keeper, version 2")).to_be_visible()
    page.keyboard.press("c")
    slider = page.get_by_role("slider", name="Where v1 ends and v2 begins")
    slider.press("ArrowLeft")
    expect(slider).to_have_value("49")
    page.keyboard.press("x")
    expect(page.get_by_role("button", name="blink")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("c")
    page.keyboard.press("ArrowLeft")
    page.get_by_role("button", name=re.compile("Make v1 current")).click()
    expect(page.get_by_text(re.compile("Version 1 of .* is current again"))).to_be_visible()
    expect(page.get_by_role("button", name="v1 · current")).to_be_visible()


def test_a_picture_is_made_into_a_film(console: ConsolePage, requests: Requests) -> None:
    """The form begins with the picture as its reference, and shows which one that is."""
    requests.make("a keeper", slot="portrait/keeper", parameters={"seconds": 0})
    page = console.open(f"/projects/{requests.project}/slots/portrait/keeper")
    page.get_by_role("link", name="Make a film of it").click()
    form = page.get_by_role("dialog", name="Make something")
    expect(form.get_by_label("Kind")).to_have_value("video")
    expect(form.get_by_role("textbox", name="Slot")).to_have_value("video/keeper")
    expect(form.get_by_role("button", name="Remove portrait/keeper")).to_be_visible()
    expect(form.locator(".given img")).to_have_js_property("complete", True)
    form.get_by_label("Prompt").fill("she turns to the sea")
    with page.expect_response(re.compile(r"/jobs$")) as made:
        form.get_by_role("button", name=re.compile("^Make it")).click()
    requests.until_ended(made.value.json()["id"])  # a film takes its time
    expect(page.get_by_role("img", name="video/keeper")).to_be_visible()


def test_one_more_shot_gets_the_next_number(console: ConsolePage, requests: Requests) -> None:
    for number in (1, 9):
        requests.make("waves", kind="shot", slot=f"shot/{number}", parameters={"seconds": 0})
    page = console.open(f"/projects/{requests.project}")
    page.get_by_role("button", name="Add to Shots").click()
    form = page.get_by_role("dialog", name="Make something")
    expect(form.get_by_label("Kind")).to_have_value("shot")
    expect(form.get_by_role("textbox", name="Slot")).to_have_value("shot/10")
