"""Cast references: the pair of pictures of a person, submitted and rejected together."""

import asyncio
from dataclasses import replace

from heliograph.contracts.cast import BOTH, CastRequest, Half, slot_of
from heliograph.contracts.errors import ValidationFailed
from heliograph.contracts.problems import FieldError
from heliograph.contracts.records import Record
from heliograph.contracts.requests import JobRequest
from services.gateway.idempotency import identify_request
from services.gateway.jobs.acceptance import AcceptResult, JobAcceptance, PendingJob
from services.gateway.jobs.service import JobService

KIND = "cast_ref"

#: where in our body a mistake is that was found in the request for a half
_POINTER_MAP = {"/parameters/aspect_ratio": "/aspect_ratio"}

Pair = dict[Half, AcceptResult]


class CastReferences:
    """Takes requests for references of people."""

    def __init__(self, desk: JobService, acceptor: JobAcceptance) -> None:
        self._desk = desk
        self._acceptor = acceptor

    async def ask(
        self,
        project: str,
        person: str,
        wanted: CastRequest,
        key: str | None,
        *,
        traceparent: str | None = None,
    ) -> Pair:
        """
        The jobs for the halves that are to be made. A mistake in one refuses both.

        Each half has a key of its own, made of `key`. Should one be refused all the same, because
        its slot was taken in that moment, the other goes on: the request can be sent again.

        Raises:
            RequestError, ServiceError: As for `JobService.ask`.
        """
        orders: dict[Half, PendingJob] = {}
        for half in wanted.halves:
            own = f"{key}/{BOTH.index(half)}" if key else None
            who = identify_request(project, own, traceparent=traceparent)
            request = request_for(wanted, person, half)
            order = self._desk.plan_submit(request, who, body_digest=wanted.digest(person, half))
            orders[half] = await self._checked(order)
        asked = [self._desk.accept(order) for order in orders.values()]
        return dict(zip(orders, await asyncio.gather(*asked), strict=True))

    async def _checked(self, order: PendingJob) -> PendingJob:
        """The order, once nothing is wrong with it."""
        try:
            record = await self._acceptor.check(order)
        except ValidationFailed as error:
            errors = [
                FieldError(pointer=_POINTER_MAP.get(each.pointer, each.pointer), detail=each.detail)
                for each in error.errors
            ]
            raise type(error)(str(error), errors=errors) from None

        async def drafted() -> Record:
            return record or await order.draft()

        return replace(order, draft=drafted)


def request_for(wanted: CastRequest, person: str, half: Half) -> JobRequest:
    """
    What is asked for of a half.

    Raises:
        ValidationFailed: Nobody says what to draw, or one reference is to be made from several.
    """
    prompt = wanted.prompt_of(half)
    if prompt is None:
        raise ValidationFailed.at(f"/prompts/{half}", f"{wanted.operation} needs it, or a prompt")
    if wanted.is_single and wanted.max_references not in (None, 1):
        reason = f"{wanted.operation} works from exactly one reference"
        raise ValidationFailed.at("/max_references", reason)
    return JobRequest(
        kind=KIND,
        prompt=prompt,
        slot=slot_of(person, half),
        references=wanted.references,
        max_references=1 if wanted.is_single else wanted.max_references,
        edit_prompt=wanted.edit_prompt,
        model=wanted.model,
        parameters={"aspect_ratio": wanted.aspect_ratio} if wanted.aspect_ratio else {},
    )
