"""One Heliograph and one Chromium for all of these tests; projects and tabs keep them apart."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Browser, expect, sync_playwright

from deploy.local.processes import ROOT
from heliograph.contracts.prices import Price
from tests.support.browser import chromium_program
from tests.support.console_page import ConsolePage, Requests, console_page
from tests.support.records import CATALOG
from tests.support.servers import outside_servers
from tests.support.servers.server import missing
from tests.support.stack import Stack, stack_running

expect.set_options(timeout=20_000)  # milliseconds, on a machine that has much else to do
_QUIET = ("--disable-gpu", "--disable-background-networking", "--no-first-run")


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    if not (ROOT / "console" / "dist" / "index.html").exists():
        missing("the console is not built (make console)")
    servers, home = tmp_path_factory.mktemp("servers"), tmp_path_factory.mktemp("home")
    own = {"HELIOGRAPH_MODELS": str(_models(servers))}
    with (
        outside_servers(servers) as settings,
        stack_running(home, {**settings, **own}, preloaded=True) as stack,
    ):
        yield stack


def _models(folder: Path) -> Path:
    """One more model, whose price nobody knows."""
    changes = {"title": "Sim of unknown price", "price": Price(known=False)}
    model = CATALOG.models["sim/picture"].model_copy(update=changes)
    models = folder / "models.yaml"
    models.write_text(yaml.safe_dump({"sim/unpriced": model.model_dump(mode="json")}))
    return models


@pytest.fixture(scope="package")  # Playwright's event loop would be in the way of other tests
def browser() -> Iterator[Browser]:
    program = chromium_program()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(_QUIET))
        yield browser
        browser.close()


@pytest.fixture
def console(browser: Browser, stack: Stack) -> Iterator[ConsolePage]:
    with console_page(browser, stack) as console:
        yield console


@pytest.fixture
def requests(stack: Stack, project: str) -> Requests:
    return Requests(stack.url("gateway"), project)
