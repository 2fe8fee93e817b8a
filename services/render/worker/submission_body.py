"""Body of a submission: what the provider of a job gets. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from heliograph.contracts.attempts import SentReference
from heliograph.contracts.catalog import Catalog
from heliograph.contracts.payloads import Call, UnfitRequest, build_payload
from heliograph.contracts.payloads.seeds import seed_for
from heliograph.contracts.records import Record
from services.render.providers.submissions import Submission


def payload_for(
    record: Record,
    catalog: Catalog,
    arguments: Mapping[str, Any],
    references: Sequence[SentReference],
) -> dict[str, Any]:
    """
    The body of the record's present run.

    Raises:
        UnfitRequest: There is none.
    """
    model = catalog.models.get(record.model)
    if model is None:
        raise UnfitRequest(f"{record.model} is no longer in the catalog")
    call = Call(
        model=model,
        arguments=arguments,
        references=[each.url for each in references],
        seed=seed_for(record.id, record.internal.run),
    )
    return build_payload(record.model, call)


def build_submission(
    record: Record, catalog: Catalog, announced_at: datetime | None = None
) -> Submission:
    """
    The recorded submission, with the time at which NATS stored its intent. Its body is empty where the
    catalog cannot say it again.
    """
    attempt = record.internal.attempts[-1]
    try:
        body = payload_for(record, catalog, attempt.arguments, attempt.references)
    except UnfitRequest:
        body = {}
    return replace(submission_with(record, body), at=announced_at)


def submission_with(record: Record, body: dict[str, Any]) -> Submission:
    attempt = record.internal.attempts[-1]
    return Submission(
        project=record.project,
        job=record.id,
        run=attempt.run,
        attempt=attempt.number,
        model=record.model,
        endpoint=attempt.endpoint,
        arguments=attempt.arguments,
        references=attempt.references,
        price=attempt.price,
        body=body,
    )
