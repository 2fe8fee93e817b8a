"""Statistics of accounts: how long providers took, and how often they failed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from heliograph.contracts.attempts import Attempt
from services.status.account_statistics import percentile, statistics_of

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def an_attempt(outcome: str, seconds: float = 1, account: str = "fal", **fields: Any) -> Attempt:
    known = {
        "number": 1,
        "run": 1,
        "endpoint": "e",
        "prompt": "p",
        "arguments": {},
        "references": [],
        "price": "0",
        "submitting_at": NOW - timedelta(seconds=seconds),
        "ended_at": NOW,
    }
    return Attempt.model_validate({**known, "account": account, "outcome": outcome, **fields})


def test_latency_is_that_of_attempts_with_a_result() -> None:
    attempts = [an_attempt("rendered", seconds) for seconds in (1, 2, 3, 100)]

    [fal] = statistics_of([*attempts, an_attempt("canceled", 500)])

    assert (fal.account, fal.attempts) == ("fal", 5)
    assert (fal.p50_seconds, fal.p95_seconds) == (2, 100)


@pytest.mark.parametrize(
    ("outcome", "is_fault"),
    [
        ("rendered", False),
        ("canceled", False),
        ("content_policy", False),
        ("provider_rejected", False),
        ("provider_timeout", True),
        ("provider_unavailable", True),
        ("provider_auth", True),
        ("no_output", True),
        ("submit_unknown", True),
    ],
)
def test_errors_are_faults_of_the_provider(outcome: str, is_fault: bool) -> None:
    [fal] = statistics_of([an_attempt(outcome), an_attempt("rendered")])

    assert fal.error_rate == (0.5 if is_fault else 0)


def test_each_account_has_statistics_of_its_own() -> None:
    failed = an_attempt("provider_timeout", account="replicate")

    fal, replicate = statistics_of([failed, an_attempt("rendered", 2)])

    assert (fal.account, fal.error_rate, fal.p50_seconds) == ("fal", 0, 2)
    assert (replicate.account, replicate.error_rate) == ("replicate", 1)
    assert replicate.p50_seconds is replicate.p95_seconds is None


def test_an_attempt_that_took_an_old_request_over_has_no_latency() -> None:
    [fal] = statistics_of([an_attempt("rendered", submitting_at=None)])

    assert (fal.attempts, fal.p50_seconds) == (1, None)


@pytest.mark.parametrize(("percent", "expected"), [(50, 50.0), (95, 95.0), (1, 1.0), (100, 100.0)])
def test_a_percentile_is_a_measured_value(percent: int, expected: float) -> None:
    assert percentile([float(n) for n in range(1, 101)], percent) == expected


def test_nothing_has_no_percentile() -> None:
    assert percentile([], 50) is None
