"""Recorded submission: an attempt as the log has it, as its provider is asked about it. Pure."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from heliograph.contracts.catalog import Catalog
from heliograph.contracts.payloads import UnfitRequest
from heliograph.contracts.records import Record
from services.render.providers.submissions import Submission
from services.render.worker.submission_body import payload_for


def build_submission(
    record: Record, catalog: Catalog, announced_at: datetime | None = None
) -> Submission:
    """
    The recorded submission, with the time at which NATS stored its intent. Its body is empty if it cannot
    be built again by the current catalog.
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
