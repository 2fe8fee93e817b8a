"""A person signs in to the console at the one address that the containers have."""

from playwright.sync_api import expect, sync_playwright

from deploy.compose.demo import ORIGIN, ComposeProject
from tests.support.browser import chromium_program

_TIMEOUT = 30_000  #: milliseconds


def test_the_first_key_opens_the_console(containers: ComposeProject) -> None:
    with sync_playwright() as playwright:
        program = chromium_program()
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(ignore_https_errors=True)  # of an authority of Caddy's own
        page.goto(ORIGIN)
        page.get_by_label("API key").fill(containers.first_key())
        page.get_by_role("button", name="Sign in", exact=True).click()

        expect(page.get_by_role("heading", name="Projects")).to_be_visible(timeout=_TIMEOUT)
        browser.close()
