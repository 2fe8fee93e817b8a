"""Everything below a path of another site, behind the proxy that operators are shown."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from tests.support.caddy import caddy
from tests.support.console_page import ConsolePage, Requests, console_page
from tests.support.servers import free_port
from tests.support.stack import Stack

_AT_ONCE = {"seconds": 0}


@pytest.fixture(scope="module")
def site() -> str:
    """Where the proxy is, and everything is below it."""
    return f"http://127.0.0.1:{free_port()}/app"


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory, site: str) -> Iterator[Stack]:
    """A Heliograph that knows by which addresses it is reached."""
    stack = Stack(tmp_path_factory.mktemp("home"), {}, preloaded=True)
    stack.environment |= {
        "HELIOGRAPH_PUBLIC_URL": site,
        "HELIOGRAPH_STATUS_PUBLIC_URL": site,
        "HELIOGRAPH_STORAGE_PUBLIC_URL": site,
        "HELIOGRAPH_STORAGE_INTERNAL_URL": stack.url("storage"),
        "HELIOGRAPH_S3_PUBLIC_ENDPOINT": f"{site}/store",
    }
    port = int(site.removesuffix("/app").rpartition(":")[2])
    with stack.running(), caddy(tmp_path_factory.mktemp("caddy"), port, stack.ports):
        yield stack


@pytest.fixture
def console(browser: Browser, proxied: Stack, site: str) -> Iterator[ConsolePage]:
    """A tab that asks for nothing outside the path."""
    with console_page(browser, proxied, address=site) as console:
        asked = list[str]()
        console.page.on("request", lambda request: asked.append(request.url))
        console.page.on("websocket", lambda socket: asked.append(socket.url))
        yield console
        beyond = (site, site.replace("http", "ws", 1), "data:", "blob:")
        assert [url for url in asked if not url.startswith(beyond)] == []


@pytest.fixture
def requests(proxied: Stack, project: str) -> Requests:
    return Requests(proxied.url("gateway"), project)


def test_a_picture_comes_live_and_every_view_has_its_address(
    console: ConsolePage, requests: Requests, site: str
) -> None:
    """By a live connection, from the store, below the path; links, back and reload stay there."""
    page = console.open(f"/projects/{requests.project}")
    expect(page.get_by_role("heading", name="This project is empty")).to_be_visible()
    job = requests.submit("a keeper", slot="portrait/keeper", parameters=_AT_ONCE)
    picture = page.get_by_role("img", name="portrait/keeper")
    expect(picture).to_be_visible()
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("(image) => image.currentSrc").startswith(f"{site}/store/")
    assert picture.evaluate("(image) => image.naturalWidth") > 0
    for link, heading, path in (
        ("Jobs", "Jobs", f"/projects/{requests.project}/jobs"),
        ("Board", "Board", "/board"),
        ("Heliograph, all projects", "Projects", "/"),
    ):
        page.get_by_role("link", name=link, exact=True).first.click()
        expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
        expect(page).to_have_url(site + path)
    page.go_back()
    expect(page.get_by_role("heading", name="Board", exact=True)).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Board", exact=True)).to_be_visible()
    console.open(f"/jobs/{job}")
    expect(page.get_by_role("region", name="Timeline")).to_be_visible()


def test_a_file_is_sent_and_becomes_a_reference(
    console: ConsolePage, project: str, tmp_path: Path
) -> None:
    picture = tmp_path / "keeper.png"
    Image.new("RGB", (96, 64), "navy").save(picture)
    console.forgiving = True  # it asks whether the file is there already
    page = console.open(f"/projects/{project}?new=portrait")
    page.get_by_label("Model").select_option(label="Sim edit")
    page.get_by_label("choose files").set_input_files(picture)
    page.get_by_label("Prompt").fill("older, at dusk")
    page.get_by_role("textbox", name="Slot").fill("portrait/keeper")
    page.get_by_role("button", name=re.compile("Make it")).click()
    expect(page.get_by_role("img", name="portrait/keeper")).to_be_visible()


def test_the_clients_are_told_the_path(console: ConsolePage, requests: Requests, site: str) -> None:
    """In TypeScript from `/heliograph.js`, in Python as the page of a job shows it."""
    job = requests.submit("a keeper", parameters=_AT_ONCE)
    page = console.open(f"/jobs/{job}")
    done = page.evaluate(
        """
        async ({ site, project }) => {
          const { Heliograph } = await import(`${site}/heliograph.js`);
          const helio = new Heliograph({ url: site, project });
          return await helio.jobs.run({ kind: "portrait", prompt: "by script", parameters: { seconds: 0 } });
        }
        """,
        {"site": site, "project": requests.project},
    )
    assert (done["status"], len(done["assets"])) == ("succeeded", 1)
    page.get_by_role("button", name="Python", exact=True).click()
    code = page.get_by_role("region", name="As code").locator("pre")
    expect(code).to_contain_text(f'Client("{site}"')
    python = [sys.executable, "-c", code.text_content() or ""]
    assert "Asset(" in subprocess.check_output(python, text=True, timeout=120)


def test_the_documentation_is_below_the_path_and_sends_its_requests_there(
    console: ConsolePage,
) -> None:
    page = console.open("/docs")
    expect(page.get_by_text("/v1/projects/{project}/jobs", exact=True).first).to_be_visible()
    operation = page.locator("#operations-registry-getIndex")
    operation.get_by_role("button").first.click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    response = operation.locator(".live-responses-table .response")
    expect(response.locator(".response-col_status")).to_contain_text("200")
    expect(response).to_contain_text("/app/v1/projects")
