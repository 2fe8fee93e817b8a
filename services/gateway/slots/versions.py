"""Slots: their versions, which one is current, and restoring an older one."""

import asyncio
from typing import Any

from heliograph.contracts.errors import NotFound, OutputGone, ValidationFailed
from heliograph.contracts.jobs import Job
from heliograph.contracts.queries.slots import (
    GetSlot,
    JobView,
    ListSlots,
    SlotHistory,
    SlotState,
    SlotVersion,
)
from heliograph.contracts.references import Reference
from heliograph.contracts.requests import JobRequest
from heliograph.contracts.slots import Restored, RestoreRequest
from heliograph.runtime.bus import RequestReply, SlotClaim, SlotClaims
from heliograph.runtime.bus.conflicts import retry_on_conflict
from heliograph.runtime.clock import now
from heliograph.runtime.job_view import JobPresenter, with_progress, with_queue_position
from services.gateway.queue_position import queue_position

Shown = dict[str, dict[str, Any]]  #: jobs as clients see them, by id


class SlotService:
    """The slots of projects. Every method raises Unavailable."""

    def __init__(self, slots: SlotClaims, request: RequestReply, presenter: JobPresenter) -> None:
        self._slots = slots
        self._request = request
        self._presenter = presenter

    async def page(self, query: ListSlots) -> dict[str, Any]:
        """Slots by name, each with everything that a page shows of it."""
        page = await self._request(query)
        jobs = await self._present([job for state in page.items for job in slot_jobs(state)])
        return {
            "items": await asyncio.gather(*(self._state(state, jobs) for state in page.items)),
            "next": page.next,
            "sequence": page.sequence,
            "epoch": page.epoch,
        }

    async def slot(self, query: GetSlot) -> dict[str, Any]:
        """A slot with its versions. Raises NotFound."""
        history = await self._request(query)
        if history.state is None:
            raise NotFound(f"no job was ever requested for {query.slot}")
        every = [version.made_by for version in history.versions]
        jobs = await self._present([*slot_jobs(history.state), *every])
        return {
            **await self._state(history.state, jobs),
            "versions": [_version(version, jobs) for version in history.versions],
            "next": str(history.next) if history.next else None,
            "sequence": history.sequence,
            "epoch": history.epoch,
        }

    @retry_on_conflict
    async def restore(self, project: str, request: RestoreRequest) -> dict[str, Any]:
        """
        Make an older version current, until another success.

        Raises:
            NotFound: The version never existed.
            OutputGone: The version was pruned.
        """
        query = GetSlot(project=project, slot=request.slot, settled=True)
        page = query.model_copy(update={"after": request.version - 1, "limit": 1})
        seen = await self._slots.read(project, request.slot)
        # whatever succeeded for the claim that was seen is counted; what comes later, wins
        history = await self._request(page)
        latest = history.state.versions if history.state else 0
        if request.version > latest:
            raise NotFound(f"{request.slot} has no version {request.version}")
        if not _is_there(request.version, history, seen):
            raise OutputGone(f"{request.slot} no longer has version {request.version}")
        restored = Restored(version=request.version, latest=latest, at=now())
        await self._slots.restore(project, request.slot, restored, seen)
        return await self.slot(query)

    async def current(self, project: str, request: JobRequest) -> Reference | None:
        """
        The current result of the slot, as the default reference of a request that needs one.

        Raises:
            ValidationFailed: The slot has no current version.
        """
        if request.max_references != 1 or request.references:
            return None
        if request.slot is None:
            reason = "needs `references`, or a `slot` with a current version"
            raise ValidationFailed.at("/max_references", reason)
        history = await self._request(GetSlot(project=project, slot=request.slot, settled=True))
        current = history.state.current if history.state else None
        assets = _job(current.made_by).assets if current else []
        if not assets:
            reason = f"needs `references`: slot {request.slot} has no current version"
            raise ValidationFailed.at("/max_references", reason)
        return Reference(asset=assets[0].id)

    async def _present(self, every: list[JobView]) -> Shown:
        shown = await self._presenter.jobs([(_job(each), each.sequence) for each in every])
        return {job["id"]: job for job in shown}

    async def _state(self, state: SlotState, jobs: Shown) -> dict[str, Any]:
        active = None
        if state.active:
            job = with_progress(jobs[state.active.job["id"]], state.report)
            waits = job["status"] == "queued"
            active = with_queue_position(
                job, await queue_position(self._request, job["id"]) if waits else None
            )
        return {
            "slot": state.slot,
            "current": _version(state.current, jobs) if state.current else None,
            "active": active,
            "failures": [jobs[each.job["id"]] for each in state.failures],
        }


def _is_there(version: int, history: SlotHistory, seen: SlotClaim) -> bool:
    """Whether a version is kept, and is not about to be pruned."""
    made_by = [each.made_by.job["id"] for each in history.versions if each.number == version]
    return bool(made_by) and made_by[0] not in seen.withdrawn


def slot_jobs(state: SlotState) -> list[JobView]:
    """Every job that a slot shows."""
    current = [state.current.made_by] if state.current else []
    return [*current, *([state.active] if state.active else []), *state.failures]


def _job(shown: JobView) -> Job:
    return Job.model_validate(shown.job)


def _version(version: SlotVersion, jobs: Shown) -> dict[str, Any]:
    job = jobs[version.made_by.job["id"]]
    return {
        "version": version.number,
        "job": job["id"],
        "assets": job["assets"],
        "at": job["finished_at"],
    }
