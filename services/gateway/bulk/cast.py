"""Cast references: the pair of pictures of a person, submitted and rejected together."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from heliograph.contracts.cast import BOTH, CastRequest, Half, slot_of
from heliograph.contracts.errors import ValidationFailed
from heliograph.contracts.problems import relocate
from heliograph.contracts.requests import JobRequest
from heliograph.runtime.budgets.job_budgets import PlanHolder
from services.gateway.bulk.batch_submission import CheckResult
from services.gateway.idempotency import RequestIdentity, identify_request
from services.gateway.jobs.acceptance import AcceptResult, JobAcceptance
from services.gateway.jobs.service import JobService

KIND = "cast_ref"

#: where in our body a mistake is that was found in the request for a half
_POINTER_MAP = {"/parameters/aspect_ratio": "/aspect_ratio"}

Pair = dict[Half, AcceptResult]
_Half = tuple[JobRequest, RequestIdentity, CheckResult]


@dataclass(frozen=True, kw_only=True)
class CastReferences:
    """Submits cast references."""

    jobs: JobService
    acceptance: JobAcceptance

    async def ask(
        self,
        project: str,
        person: str,
        cast: CastRequest,
        key: str | None,
        *,
        traceparent: str | None = None,
        access_key: str | None = None,
    ) -> Pair:
        """
        The jobs for the requested halves. A mistake in one refuses both.

        Each half has a key of its own, made of `key`. If one is refused later, because its slot was taken
        meanwhile, the other continues: the request can be sent again.

        Raises:
            RequestError, ServiceError: As for `JobService.ask`.
        """
        identities: dict[Half, RequestIdentity] = {}
        for half in cast.halves:
            own = f"{key}/{BOTH.index(half)}" if key else None
            identities[half] = replace(
                identify_request(project, own, traceparent=traceparent, access_key=access_key),
                body_digest=cast.digest(person, half),
            )
        jobs = [identity.job for identity in identities.values()]
        await self.acceptance.budgets.complete(project, jobs)
        submissions: dict[Half, _Half] = {}
        for half, identity in identities.items():
            request = request_for(cast, person, half)
            submissions[half] = request, identity, await self._prepare(request, identity)
        holder = PlanHolder.new(project, pair_id(jobs))
        try:
            results = await self._accept(holder, submissions.values())
        finally:
            await self.acceptance.budgets.release_plan(holder)
        return dict(zip(submissions, results, strict=True))

    async def _accept(self, holder: PlanHolder, halves: Collection[_Half]) -> list[AcceptResult]:
        checked = [result for _, _, result in halves]
        new = [each.new for each in checked if each.new]
        await self.acceptance.budgets.hold_plan(holder, new)
        await self.jobs.reserve([each.record for each in checked if each.record])
        return await asyncio.gather(
            *(
                self.jobs.submit(request, identity, prepared=result.record)
                for request, identity, result in halves
            )
        )

    async def _prepare(self, request: JobRequest, identity: RequestIdentity) -> CheckResult:
        """The validated first record of a half; None if the half is known already."""
        if await self.acceptance.is_known(identity):
            return CheckResult()
        try:
            record = await self.jobs.prepare(request, identity)
        except ValidationFailed as error:
            detail, errors = relocate(str(error), error.errors, _place)
            raise type(error)(detail, errors=errors) from None
        is_deduplicated = await self.acceptance.check_slot(record)
        return CheckResult(record=record, is_deduplicated=is_deduplicated)


def _place(pointer: str) -> str:
    return _POINTER_MAP.get(pointer, pointer)


def pair_id(jobs: Sequence[str]) -> str:
    """Name of the hold of a pair, by its jobs: the same request has the same."""
    return f"pair_{jobs[0]}"


def request_for(cast: CastRequest, person: str, half: Half) -> JobRequest:
    """
    The job request of a half.

    Raises:
        ValidationFailed: The prompt is missing, or a single reference has several input references.
    """
    prompt = cast.prompt_of(half)
    if prompt is None:
        raise ValidationFailed.at(f"/prompts/{half}", f"{cast.operation} needs it, or a prompt")
    if cast.is_single and cast.max_references not in (None, 1):
        reason = f"{cast.operation} works from exactly one reference"
        raise ValidationFailed.at("/max_references", reason)
    return JobRequest(
        kind=KIND,
        prompt=prompt,
        slot=slot_of(person, half),
        references=cast.references,
        max_references=1 if cast.is_single else cast.max_references,
        edit_prompt=cast.edit_prompt,
        model=cast.model,
        parameters={"aspect_ratio": cast.aspect_ratio} if cast.aspect_ratio else {},
        max_cost=cast.max_cost,
    )
