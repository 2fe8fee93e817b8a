"""
Plans: the job ids of a bulk request, stored before the first job, so that a repeat resumes it.

A repeated request with the same key continues with the same plan: completed items are not repeated, and
items that a crash interrupted are completed.
"""

from heliograph.contracts.errors import IdempotencyKeyReused
from heliograph.contracts.kv_entries import PlanEntry
from heliograph.runtime.bus.conflicts import Conflict
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.kv import KeyValue
from heliograph.runtime.crash_points import crash_point


class Plan(PlanEntry):
    """Operations on a plan."""

    def without(self, filled: dict[int, str]) -> "Plan":
        """The plan with items that need no new job, because these jobs exist."""
        jobs = [filled.get(index, job) for index, job in enumerate(self.jobs)]
        skipped = sorted({*self.skipped, *filled})
        return self.model_copy(update={"jobs": jobs, "skipped": skipped})

    def check(self, digest: str) -> None:
        """Raises IdempotencyKeyReused when this was not the plan for that body."""
        if self.digest != digest:
            raise IdempotencyKeyReused


class PlanStore:
    """Plans by id, kept for HELIOGRAPH_PLAN_RETENTION. Every method raises Unavailable."""

    def __init__(self, jetstream: JetStream) -> None:
        self._bucket = KeyValue(jetstream, "plans")

    async def find(self, name: str) -> Plan | None:
        entry = await self._bucket.read(name)
        return Plan.model_validate(entry.value) if entry.value else None

    async def project_of(self, name: str) -> str | None:
        """The project of a plan; None for one that is not there, or cannot be read."""
        stored = (await self._bucket.read(name)).readable
        return str(stored["project"]) if stored else None

    async def create_or_get(self, plan: Plan) -> Plan:
        """The stored plan: this one, unless a copy of the request has stored its own first."""
        try:
            await self._bucket.write(plan.id, plan.model_dump(mode="json"), 0)
        except Conflict:
            return await self.find(plan.id) or plan
        crash_point("plan.written")
        return plan

    async def mark_skipped(self, name: str, filled: dict[int, str]) -> None:
        """Note that some items of a plan need no job any more."""
        await self._bucket.change(
            name, lambda value: Plan.model_validate(value).without(filled).model_dump(mode="json")
        )
