"""The page `/docs` works without the internet: a browser gets all of it from the service itself."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.browser import Page, browser_page
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT


async def _drawn(page: Page) -> list[str]:
    """The operations that the page shows, once it shows any."""
    script = "[...document.querySelectorAll('.opblock-summary-path')].map(e => e.textContent)"
    async with asyncio.timeout(TIMEOUT):
        while not (drawn := await page.evaluate(script)):
            await asyncio.sleep(0.2)
    paths: list[str] = drawn
    return paths


@pytest.mark.parametrize("service", ["gateway", "status", "storage"])
async def test_a_browser_draws_the_page_from_one_origin(
    stack: Stack, tmp_path: Path, service: str
) -> None:
    url = stack.url(service)
    async with browser_page(tmp_path) as page:
        await page.open(f"{url}/docs")

        paths = await _drawn(page)

        async with httpx.AsyncClient() as http:
            document: dict[str, Any] = (await http.get(f"{url}/openapi.json")).json()
        assert {path.replace("\\u200b", "") for path in paths} == set(document["paths"])
        script = "performance.getEntriesByType('resource').map(e => e.name)"
        loaded: list[str] = await page.evaluate(script)
        assert f"{url}/docs/files/swagger-ui-bundle.js" in loaded
        assert all(each.startswith((f"{url}/", "data:")) for each in loaded), loaded


async def test_the_policy_of_the_page_allows_no_other_host(stack: Stack) -> None:
    async with httpx.AsyncClient() as http:
        response = await http.get(f"{stack.url('gateway')}/docs")

    policy = response.headers["content-security-policy"]
    assert "http" not in policy.replace("'sha256-", "")
    assert policy.startswith("default-src 'none'; script-src 'self' 'sha256-")
    assert "https://" not in response.text
