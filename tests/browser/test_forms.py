"""The form of a new job: every model, files from the disk, and what the server says against it."""

import os
import re
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect

from tests.support.console_page import ConsolePage, Requests
from tests.support.stack import Stack

#: pictures as a person gives them: drawn here, each of another colour
_GIVE_FILES = """
async (element, { name, event, files }) => {
  const given = new DataTransfer();
  for (let number = 0; number < files; number++) {
    const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 48 });
    const context = canvas.getContext("2d");
    context.fillStyle = `hsl(${number * 90 + name.length * 20} 80% 50%)`;
    context.fillRect(0, 0, 64, 48);
    const blob = await new Promise((drawn) => canvas.toBlob(drawn));
    given.items.add(new File([blob], `${name}-${number}.png`, { type: "image/png" }));
  }
  const options = { bubbles: true, cancelable: true, dataTransfer: given, clipboardData: given };
  element.dispatchEvent(new window[event](name, options));
}
"""


def options_of(page: Page, label: str) -> list[str]:
    return page.get_by_label(label).locator("option").all_text_contents()


def test_every_kind_and_model_has_a_form(console: ConsolePage, project: str) -> None:
    """Made from the schema of its parameters: each field has a name, and none says its unit twice."""
    page = console.open(f"/projects/{project}?new=image")
    form = page.get_by_role("dialog", name="Make something")
    for label in ("Kind", "Model"):  # the catalog comes after the form
        expect(page.get_by_label(label).locator("option")).not_to_have_count(0)
    for kind in options_of(page, "Kind"):
        page.get_by_label("Kind").select_option(label=kind)
        for model in options_of(page, "Model"):
            page.get_by_label("Model").select_option(label=model)
            expect(form.get_by_role("button", name=re.compile("^Make"))).to_be_visible()
            labels = form.locator(".label").all_text_contents()
            assert all(label.strip() for label in labels), (kind, model)
            assert not [label for label in labels if "pictures, pictures" in label.lower()]


def test_what_the_server_says_against_a_field_is_shown_at_the_field(
    console: ConsolePage, project: str
) -> None:
    console.forgiving = True
    page = console.open(f"/projects/{project}?new=portrait")
    page.get_by_label("Prompt").fill("a keeper")
    page.get_by_role("textbox", name="Slot").fill("no slot!")
    page.get_by_role("button", name=re.compile("Make it")).click()
    slot = page.get_by_role("textbox", name="Slot")
    expect(slot).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_role("alert")).to_contain_text("Nothing was sent")
    expect(page.get_by_text("Letters, digits, - and _")).to_be_visible()
    slot.fill("portrait/keeper")
    page.get_by_role("button", name=re.compile("Make it")).click()
    expect(page.get_by_role("img", name="portrait/keeper")).to_be_visible()


def test_files_become_references_and_one_that_is_no_picture_says_so(
    console: ConsolePage, project: str, stack: Stack, tmp_path: Path
) -> None:
    """The same bytes are sent once."""
    console.forgiving = True
    picture, page_file = tmp_path / "keeper.png", tmp_path / "page.png"
    Image.new("RGB", (96, 64), "navy").save(picture)
    page_file.write_text("<!doctype html><script>alert(1)</script>")
    page = console.open(f"/projects/{project}?new=portrait")
    page.get_by_label("Model").select_option(label="Sim edit")
    expect(page.get_by_text("needs 1 reference")).to_be_visible()
    page.get_by_label("choose files").set_input_files([picture, page_file])
    refused = page.get_by_role("listitem").filter(has_text="page.png")
    expect(refused.locator(".fault")).to_be_visible()
    refused.get_by_role("button", name="Remove page.png").click()
    expect(page.get_by_role("progressbar", name=re.compile("^Upload"))).to_have_count(0)
    sent = list[str]()
    page.on("request", lambda request: sent.append(f"{request.method} {request.url}"))
    page.get_by_label("choose files").set_input_files([picture])
    expect(page.get_by_role("button", name="Remove keeper.png")).to_have_count(2)
    expect(page.get_by_role("progressbar", name=re.compile("^Upload"))).to_have_count(0)
    assert not [each for each in sent if each.startswith("PUT")]
    page.get_by_label("Prompt").fill("older, at dusk")
    page.get_by_role("textbox", name="Slot").fill("portrait/keeper")
    page.get_by_role("button", name=re.compile("Make it")).click()
    expect(page.get_by_role("img", name="portrait/keeper")).to_be_visible()
    assert len(stack.ledger(project)) == 1


def test_files_are_dropped_and_pasted(console: ConsolePage, project: str) -> None:
    """Three at once, and one from the clipboard while the cursor is in the prompt."""
    page = console.open(f"/projects/{project}?new=portrait")
    page.get_by_label("Model").select_option(label="Sim edit")
    console.forgiving = True  # the page asks whether a file is there already
    for name, event, target, files in (
        ("drop", "DragEvent", ".zone", 3),
        ("paste", "ClipboardEvent", "textarea", 1),
    ):
        page.locator(f"dialog {target}").first.evaluate(
            _GIVE_FILES, {"name": name, "event": event, "files": files}
        )
    for file in ("drop-0.png", "drop-1.png", "drop-2.png", "paste-0.png"):
        expect(page.get_by_role("button", name=f"Remove {file}")).to_be_visible()
    expect(page.get_by_role("progressbar", name=re.compile("^Upload"))).to_have_count(0)
    expect(page.locator("dialog .fault")).to_have_count(0)


def test_an_upload_that_is_taken_out_stops(
    console: ConsolePage, project: str, tmp_path: Path
) -> None:
    """25 MB over a slow line: the rest of them is never sent."""
    console.forgiving = True
    large = tmp_path / "large.png"
    large.write_bytes(os.urandom(25_000_000))
    page = console.open(f"/projects/{project}?new=portrait")
    page.get_by_label("Model").select_option(label="Sim edit")
    devtools = page.context.new_cdp_session(page)
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 500_000}
    devtools.send("Network.emulateNetworkConditions", slow)
    page.get_by_label("choose files").set_input_files([large])
    upload = page.get_by_role("progressbar", name="Upload of large.png")
    expect(upload).not_to_have_attribute("aria-valuenow", "0")
    with page.expect_event("requestfailed", lambda request: request.method == "PUT"):
        page.get_by_role("button", name="Remove large.png").click()
    expect(upload).to_have_count(0)
    expect(page.get_by_text("needs 1 reference")).to_be_visible()


def test_a_story_asks_for_its_shots_but_only_for_those_that_are_missing(
    console: ConsolePage, requests: Requests, stack: Stack
) -> None:
    requests.make("the night the lamp went out", kind="scenes", slot="story/one")
    requests.make("there already", kind="shot", slot="shot/1", parameters={"seconds": 0})
    page = console.open(f"/projects/{requests.project}/slots/story/one")
    scenes = page.get_by_role("listitem").filter(has=page.get_by_role("link", name="Shot"))
    expect(scenes.first).to_be_visible()
    missing = scenes.count() - 1
    page.get_by_role("button", name=f"Make the {missing} missing · free").dblclick()
    expect(page.get_by_text(f"Asked for {missing} shot")).to_be_visible()
    expect(page.get_by_text("Every scene has its shot")).to_be_visible()
    assert len(stack.ledger(requests.project)) <= 2 + missing


def test_only_the_missing_are_shown_and_tried_again(
    console: ConsolePage, requests: Requests
) -> None:
    requests.make("there", slot="portrait/there", parameters={"seconds": 0})
    for name in ("one", "two"):
        failing = {"seconds": 0, "fault": "reject", "price": 0.02}
        requests.make("gone", slot=f"portrait/{name}", parameters=failing)
    page = console.open(f"/projects/{requests.project}")
    missing = page.get_by_role("region", name="Missing results")
    expect(missing).to_contain_text("2 slots have no result yet")
    missing.get_by_role("button", name="Only the missing").click()
    expect(page).to_have_url(re.compile("show=missing"))
    expect(page.get_by_role("link", name=re.compile("there"))).to_have_count(0)
    expect(page.get_by_role("link", name=re.compile("one"))).to_be_visible()
    missing.get_by_role("button", name="Try all 2 again…").click()
    page.get_by_role("dialog").get_by_role("button", name="Pay for 2 · $0.04").click()
    expect(page.get_by_text("Try again: 2 jobs")).to_be_visible()
