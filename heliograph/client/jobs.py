"""Jobs of the client: submit, read, list, cancel, retry; models and lanes."""

from collections.abc import AsyncIterator
from typing import Any, Literal

from heliograph.client.http import GatewayConnection, idempotency_key
from heliograph.contracts.jobs import Job
from heliograph.contracts.retry_requests import RetryFrom
from heliograph.encodable_text import part


class JobCalls(GatewayConnection):
    """Calls for single jobs, models and lanes."""

    async def submit(self, *, kind: str, prompt: str, key: str | None = None, **fields: Any) -> Job:
        """
        Submit a job for a picture, a video or a text.

        `key` is the Idempotency-Key: the same key always returns the same job, so a call can be repeated
        safely after a lost response. Without a key, only the retries inside this call are safe.
        """
        return Job.model_validate(
            await self._send(
                "POST",
                f"/v1/projects/{part(self.project)}/jobs",
                json={"kind": kind, "prompt": prompt, **fields},
                headers=idempotency_key(key),
            )
        )

    async def get(self, job: str) -> Job:
        """Current state of a job."""
        return Job.model_validate(await self._send("GET", f"/v1/jobs/{part(job)}"))

    async def jobs(self, **filters: Any) -> AsyncIterator[Job]:
        """Jobs of the project, newest first. Filters are the gateway's, as `status="failed"`."""
        query = dict(filters)
        while True:
            page = await self._send("GET", f"/v1/projects/{part(self.project)}/jobs", params=query)
            for item in page["items"]:
                yield Job.model_validate(item)
            if page["next"] is None:
                return
            query["cursor"] = page["next"]

    async def cancel(self, job: str, mode: Literal["stop", "detach"] = "stop") -> Job:
        """Cancel a job, or detach it from its slot and let it continue."""
        content = await self._send("POST", f"/v1/jobs/{part(job)}/cancel", json={"mode": mode})
        return Job.model_validate(content)

    async def retry(
        self,
        job: str,
        *,
        start: RetryFrom | None = None,
        changes: dict[str, Any] | None = None,
        key: str | None = None,
    ) -> Job:
        """
        Try a job again. `start` is the step to begin with; by default the cheapest, if it is free.
        Only `start="submit"` pays: without it, a job that can only be submitted again raises
        RequestRejected, with its price.
        """
        body: dict[str, Any] = {"changes": changes or {}}
        if start:
            body["from"] = start
        content = await self._send(
            "POST", f"/v1/jobs/{part(job)}/retry", json=body, headers=idempotency_key(key)
        )
        return Job.model_validate(content)

    async def models(self) -> list[dict[str, Any]]:
        """Available models, with prices and the schemas of their parameters."""
        return list((await self._send("GET", "/v1/models"))["items"])

    async def lanes(self) -> list[dict[str, Any]]:
        """Lanes (bounded queues) with their current state."""
        return list((await self._send("GET", "/v1/lanes"))["items"])
