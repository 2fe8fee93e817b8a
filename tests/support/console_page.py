"""The console in a real browser, and what it must never do while a test looks."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response, ViewportSize

from tests.support.slow_browser import slow_down
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT

_AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
_MADE_WITHIN = 60.0  #: seconds
_TIMEOUT = 20_000.0  #: milliseconds until what a test waits for is there, on a busy machine
#: what Chromium writes when a page asks for something that is not there, or while a server is away
_NETWORK = ("Failed to load resource", "WebSocket connection to")
#: failures that are none of the page: it shows another view, or this machine has a new network
_HARMLESS = ("net::ERR_ABORTED", "net::ERR_NETWORK_CHANGED")

#: services whose logs explain a read that failed
_ASKED = ("gateway", "status", "storage")

WIDE: ViewportSize = {"width": 1280, "height": 860}
PHONE: ViewportSize = {"width": 390, "height": 844}


def origins_of(stack: Stack) -> tuple[str, ...]:
    """The beginnings of the addresses that the console of a stack may ask for."""
    services = tuple(stack.url(name) for name in ("gateway", "status", "storage"))
    store = stack.environment.get("HELIOGRAPH_S3_ENDPOINT", f"http://127.0.0.1:{stack.ports['s3']}")
    return (*services, store, stack.live)


class ConsolePage:
    """One tab of the console. `faults` are what it should not have done."""

    def __init__(self, page: Page, stack: Stack, address: str | None = None) -> None:
        self.page = page
        self.stack = stack
        self.address = address or stack.url("gateway")
        self.faults: list[str] = []
        #: whether requests may fail: a test that kills a server says so
        self.forgiving = False
        #: where a test lets the browser go besides: pages there are not the console's
        self.elsewhere: str | None = None
        #: reads that a server had no time for, and that were not repeated with success so far
        self._unavailable: set[str] = set()
        self._ours = (*origins_of(stack), self.address, "data:", "blob:", f"blob:{self.address}")
        page.set_default_timeout(_TIMEOUT)
        slow_down(page)
        page.on("console", self._on_message)
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("request", self._on_request)
        page.on("response", self._on_response)
        page.on("requestfailed", self._on_request_failed)

    def open(self, path: str) -> Page:
        self.page.goto(self.address + path)
        return self.page

    def until_loaded(self) -> None:
        """Until the page has all that it read, repeated reads included."""
        end = time.monotonic() + _MADE_WITHIN
        self.page.wait_for_load_state("networkidle")
        while self._unavailable:
            assert time.monotonic() < end, f"not readable: {self._unavailable}"
            self.page.wait_for_timeout(100)

    def all_faults(self) -> list[str]:
        """What the console should not have done, and what the services say about failed reads."""
        faults = [*self.faults, *(f"503 from {url}" for url in sorted(self._unavailable))]
        if faults:
            faults += [str(line) for name in _ASKED for line in _warnings(self.stack, name)]
        return faults

    def another_tab(self) -> "ConsolePage":
        """Of the same browser, with the same storage and the same session."""
        return ConsolePage(self.page.context.new_page(), self.stack, self.address)

    def severe_barriers(self) -> list[str]:
        """What axe calls serious or critical on the page as it is."""
        self.page.evaluate(_AXE.read_text())
        violations: list[dict[str, Any]] = self.page.evaluate("axe.run().then((r) => r.violations)")
        return [
            f"{each['id']}: {each['nodes'][0]['html'][:200]} {each['nodes'][0]['failureSummary']}"
            for each in violations
            if each["impact"] in ("serious", "critical")
        ]

    def _on_message(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(_NETWORK):
            self.faults.append(f"console: {message.text}")

    def _on_request(self, request: Request) -> None:
        if not self._is_elsewhere(request) and not request.url.startswith(self._ours):
            self.faults.append(f"foreign request: {request.url}")

    def _is_elsewhere(self, request: Request) -> bool:
        if self.elsewhere is None:
            return False
        return any(url.startswith(self.elsewhere) for url in (request.url, request.frame.url))

    def _on_response(self, response: Response) -> None:
        if self.forgiving:
            return
        if response.status == httpx.codes.SERVICE_UNAVAILABLE and response.request.method == "GET":
            self._unavailable.add(response.url)  # the client repeats it
        elif response.status >= 400:
            self.faults.append(f"{response.status} from {response.url}")
        else:
            self._unavailable.discard(response.url)

    def _on_request_failed(self, request: Request) -> None:
        if request.failure not in _HARMLESS and not self.forgiving:
            self.faults.append(f"{request.failure} from {request.url}")


@contextmanager
def console_page(
    browser: Browser, stack: Stack, *, address: str | None = None, **options: Any
) -> Iterator[ConsolePage]:
    """
    A new tab with a storage of its own. Fails the test when it did what a console must not.

    Args:
        address: Where the browser reaches the gateway; by default where it listens.
        options: Of the browser's context.
    """
    context = browser.new_context(**{"viewport": WIDE, "locale": "en-GB", **options})
    try:
        console = ConsolePage(context.new_page(), stack, address)
        yield console
        faults = console.all_faults()
        assert not faults, faults
    finally:
        context.close()


def _warnings(stack: Stack, service: str) -> list[dict[str, Any]]:
    return [line for line in stack.logs(service) if line["level"] != "info"]


class Requests:
    """What another client asks for in a project while the console is looked at."""

    def __init__(self, gateway: str, project: str, key: str | None = None) -> None:
        self.project = project
        self._credentials = {"Authorization": f"Bearer {key}"} if key else {}
        self._gateway = f"{gateway}/v1"
        self._made = 0

    def submit(self, prompt: str, kind: str = "portrait", **fields: Any) -> str:
        """The id of a new job."""
        job: str = self._send("POST", "jobs", {"kind": kind, "prompt": prompt, **fields})["id"]
        return job

    def make(self, prompt: str, kind: str = "portrait", **fields: Any) -> None:
        """A job, to its end."""
        self.until_ended(self.submit(prompt, kind, **fields))

    def until_ended(self, job: str) -> None:
        """Asked of the gateway, which reads it in the log."""
        end = time.monotonic() + _MADE_WITHIN
        address = f"{self._gateway}/jobs/{job}"
        while not httpx.get(address, headers=self._credentials, timeout=TIMEOUT).json()[
            "finished_at"
        ]:
            assert time.monotonic() < end, f"{job} does not end"
            time.sleep(0.05)

    def cancel(self, job: str) -> None:
        httpx.post(
            f"{self._gateway}/jobs/{job}/cancel",
            json={},
            headers=self._credentials,
            timeout=TIMEOUT,
        ).raise_for_status()

    def batch(self, jobs: list[dict[str, Any]]) -> None:
        """Many jobs at once, to the end of all."""
        items = self._send("POST", "batches", {"jobs": jobs})["items"]
        for item in items:
            self.until_ended(item["job"]["id"])

    def cast(self, person: str, prompt: str, **fields: Any) -> None:
        body = {"operation": "create", "prompt": prompt, **fields}
        self._send("PUT", f"cast/{person}/refs", body)

    def set_budget(self, **limits: str) -> None:
        address = f"{self._gateway}/projects/{self.project}/budget"
        httpx.put(
            address, json=limits, headers=self._credentials, timeout=TIMEOUT
        ).raise_for_status()

    def _send(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        self._made += 1
        request = httpx.Request(
            method,
            f"{self._gateway}/projects/{self.project}/{path}",
            json=body,
            headers={"Idempotency-Key": f"test-{self._made}", **self._credentials},
        )
        with httpx.Client(timeout=TIMEOUT) as http:
            response = http.send(request)
            end = time.monotonic() + _MADE_WITHIN
            while (
                response.status_code == httpx.codes.SERVICE_UNAVAILABLE and time.monotonic() < end
            ):
                time.sleep(0.1)  # a budget is new: not every gateway knows of it yet
                response = http.send(request)
        assert response.status_code == httpx.codes.ACCEPTED, response.text
        content: dict[str, Any] = response.json()
        return content
