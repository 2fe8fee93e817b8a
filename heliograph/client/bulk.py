"""Bulk requests of the client: batches, actions, shots of a story, cleanup."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from heliograph.client.downloads import Downloads
from heliograph.client.http import idempotency_key
from heliograph.contracts.actions import (
    Action,
    ActionReport,
    CancelPreview,
    RetryPreview,
)
from heliograph.contracts.assets import Asset
from heliograph.contracts.batches import Batch
from heliograph.contracts.retention import CleanupReport
from heliograph.contracts.retry_requests import RetryFrom
from heliograph.contracts.scenes import shots_of
from heliograph.encodable_text import part


class BulkCalls(Downloads):
    """Calls for many jobs at once."""

    async def batch(
        self,
        jobs: Sequence[Mapping[str, Any]],
        *,
        only_missing: bool = False,
        key: str | None = None,
    ) -> Batch:
        """
        Submit up to 500 jobs, all or none; each has the arguments of `submit`.

        `only_missing` leaves out those whose slot has a version, or is being filled. `key` is as in
        `submit`, for all of them together.
        """
        body = {"jobs": [dict(job) for job in jobs], "only_missing": only_missing}
        path = f"/v1/projects/{part(self.project)}/batches"
        return Batch.model_validate(
            await self._send("POST", path, json=body, headers=idempotency_key(key))
        )

    async def get_batch(self, batch: str) -> Batch:
        """A batch with the current state of its jobs, each in its latest retry."""
        return Batch.model_validate(await self._send("GET", f"/v1/batches/{part(batch)}"))

    async def act(
        self,
        action: Action,
        *,
        ids: Sequence[str] | None = None,
        filter: Mapping[str, Any] | None = None,
        mode: Literal["stop", "detach"] = "stop",
        start: RetryFrom | None = None,
        key: str | None = None,
    ) -> ActionReport:
        """
        Retry or cancel many jobs, by `ids` or by `filter`, as `{"status": "failed"}`.

        A refused job does not affect the others; the report has the result of each. `mode` is
        of canceling, `start` of a retry, as in `retry`: only `start="submit"` pays. Ask `preview`
        first what it would cost.
        """
        body = _action(action, ids, filter, mode, start)
        return ActionReport.model_validate(await self._act(body, headers=idempotency_key(key)))

    async def preview(
        self,
        action: Action,
        *,
        ids: Sequence[str] | None = None,
        filter: Mapping[str, Any] | None = None,
        mode: Literal["stop", "detach"] = "stop",
        start: RetryFrom | None = None,
    ) -> RetryPreview | CancelPreview:
        """Dry run of `act`: its effect and its cost."""
        content = await self._act({**_action(action, ids, filter, mode, start), "dry_run": True})
        shape = RetryPreview if action == "retry" else CancelPreview
        return shape.model_validate(content)

    async def _act(self, body: dict[str, Any], **options: Any) -> Any:
        return await self._send(
            "POST", f"/v1/projects/{part(self.project)}/actions", json=body, **options
        )

    async def shots_from(
        self,
        asset: Asset,
        *,
        slots: str = "shot",
        only_missing: bool = False,
        key: str | None = None,
        **fields: Any,
    ) -> Batch:
        """
        Ask for the picture of each scene of a stored story, all or none.

            story = await client.wait((await client.submit(kind="scenes", prompt="a storm")).id)
            batch = await client.shots_from(story.assets[0], slots="storm/shot")

        Scene number n fills the slot `<slots>/<n>`. `fields` are of every request, as in `submit`;
        `only_missing` and `key` are as in `batch`.
        """
        story = await self.story(asset)
        shots = shots_of(story, slots=slots, **fields)
        return await self.batch(shots, only_missing=only_missing, key=key)

    async def cleanup(self, *, dry_run: bool = False, **retention: Any) -> CleanupReport:
        """
        Prune now the jobs that the project's rules do not keep, or list them. The rules are set with
        `PATCH /v1/projects/{project}`.

        With `dry_run`, `retention` may say what else it should keep, as `versions=3`.
        """
        body: dict[str, Any] = {"dry_run": dry_run}
        if retention:
            body["retention"] = retention
        path = f"/v1/projects/{part(self.project)}/cleanup"
        return CleanupReport.model_validate(await self._send("POST", path, json=body))


def _action(
    action: Action,
    ids: Sequence[str] | None,
    filter: Mapping[str, Any] | None,
    mode: Literal["stop", "detach"],
    start: RetryFrom | None,
) -> dict[str, Any]:
    named = {"ids": list(ids)} if ids is not None else {}
    matched = {"filter": dict(filter)} if filter is not None else {}
    begun = {"from": start} if start else {}
    return {"action": action, "mode": mode, **named, **matched, **begun}
