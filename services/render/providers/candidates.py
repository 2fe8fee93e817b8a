"""Candidates: which requests in a provider's list may be the one whose reply was lost. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from heliograph.contracts.payloads.seeds import seed_for
from services.render.providers.json_equality import is_equal
from services.render.providers.submissions import Submission

_SKEW = timedelta(seconds=60)  #: by which a provider's clock may differ from NATS's


def is_recognizable(submission: Submission) -> bool:
    """
    Whether the request can be distinguished from any other: it was announced, and its seed is the run's own.

    A seed that the caller gave, or none, is in every request that the caller repeats.
    """
    own = seed_for(submission.job, submission.run)
    return submission.at is not None and submission.body.get("seed") == own


def sent_since(submission: Submission) -> datetime:
    """The earliest time that the provider can name for the request."""
    assert submission.at, "only what was announced is looked for"
    return submission.at - _SKEW


def is_candidate(
    submission: Submission, body: Mapping[str, Any], shown: object, sent_at: object
) -> bool:
    """
    Whether a request that a list shows can be the submission's.

    Args:
        body: What was sent. Fields that the provider added to it are ignored.
        shown: The body, as the list has it.
        sent_at: When the provider took the request in, as the list has it.
    """
    at = read_time(sent_at)
    if at is None or at < sent_since(submission) or not isinstance(shown, Mapping):
        return False
    return all(name in shown and is_equal(shown[name], value) for name, value in body.items())


def read_time(text: object) -> datetime | None:
    """A time as a provider writes it; None for anything else."""
    try:
        at = datetime.fromisoformat(text)  # type: ignore[arg-type]  # whatever it is, it is checked
    except (TypeError, ValueError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
