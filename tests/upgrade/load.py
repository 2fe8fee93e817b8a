"""Load on a deployment: clients that submit jobs and follow each to its end, at any gateway."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import cycle, permutations
from typing import Any

import httpx

from heliograph.contracts.job_steps import FINAL
from tests.support.records import some_project
from tests.support.timeouts import TIMEOUT

_CLIENTS = 4
_ENDS = {step.value for step in FINAL}


class Load:
    """What clients saw, who try each request a second time, at another gateway, before it counts as failed."""

    def __init__(self, gateways: Sequence[str]) -> None:
        self.project = some_project()
        self.repeated: list[str] = []
        self.failed: list[str] = []
        self.ends: dict[str, str] = {}  #: job -> its status, as it was last seen
        self._gateways = cycle(permutations(gateways, 2))
        self._is_over = False

    @asynccontextmanager
    async def applied(self) -> AsyncIterator[None]:
        """While a block runs. At its end each client has followed its last job to the end."""
        async with (
            httpx.AsyncClient(trust_env=False, timeout=TIMEOUT) as http,
            asyncio.TaskGroup() as clients,
        ):
            for _ in range(_CLIENTS):
                clients.create_task(self._submit_and_follow(http))
            try:
                yield
            finally:
                self._is_over = True

    async def _submit_and_follow(self, http: httpx.AsyncClient) -> None:
        while not self._is_over:
            body = {"kind": "image", "prompt": "a buoy", "parameters": {"seconds": 0}}
            key = {"Idempotency-Key": secrets.token_hex(8)}
            path = f"/v1/projects/{self.project}/jobs"
            job = await self._request(http, "POST", path, json=body, headers=key)
            async with asyncio.timeout(TIMEOUT):
                while job and job["status"] not in _ENDS:
                    self.ends[job["id"]] = job["status"]
                    await asyncio.sleep(0.05)
                    job = await self._request(http, "GET", f"/v1/jobs/{job['id']}")
            if job:
                self.ends[job["id"]] = job["status"]

    async def _request(
        self, http: httpx.AsyncClient, method: str, path: str, **options: Any
    ) -> dict[str, Any]:
        """The response; nothing where it failed twice."""
        for gateway, failures in zip(
            next(self._gateways), (self.repeated, self.failed), strict=True
        ):
            url = gateway + path
            try:
                response = await http.request(method, url, **options)
            except httpx.TransportError as error:
                failures.append(f"{method} {url}: {error!r}")
                continue
            if response.is_success:
                body: dict[str, Any] = response.json()
                return body
            failures.append(f"{method} {url}: {response.status_code} {response.text}")
        return {}
