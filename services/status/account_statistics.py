"""Account statistics: latency percentiles and error rate of attempts, from jobs that ended lately."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from math import ceil

from heliograph.contracts.attempts import Attempt
from heliograph.contracts.errors import (
    NoOutput,
    OutputExpired,
    ProviderAuth,
    ProviderBalance,
    ProviderProtocol,
    ProviderTimeout,
    ProviderUnavailable,
    SubmitOutcomeUnknown,
)
from heliograph.contracts.job_steps import Step
from heliograph.contracts.queries.account_statistics import AccountStatistics
from heliograph.runtime.clock import now
from services.status.read_model import ReadModel

PERIOD = timedelta(hours=1)
_JOBS = 1_000  #: that ended last; older ones of the period are left out
_CACHED = 5.0  #: seconds

#: outcomes of attempts that are the provider's fault, and neither the request's nor ours
_FAULTS = frozenset(
    error.code
    for error in (
        NoOutput,
        OutputExpired,
        ProviderAuth,
        ProviderBalance,
        ProviderProtocol,
        ProviderTimeout,
        ProviderUnavailable,
        SubmitOutcomeUnknown,
    )
)


class AccountStatisticsReader:
    """Statistics from the read model, computed every few seconds at most."""

    def __init__(self, read_model: ReadModel) -> None:
        self._read_model = read_model
        self._computing = asyncio.Lock()
        self._known: list[AccountStatistics] = []
        self._valid_until = float("-inf")

    async def read(self) -> list[AccountStatistics]:
        """Raises Unavailable: the read model does not respond."""
        clock = asyncio.get_running_loop().time
        async with self._computing:
            if clock() >= self._valid_until:
                records = await self._read_model.ended_records(now() - PERIOD, _JOBS)
                self._known = await asyncio.to_thread(_read, records, now() - PERIOD)
                self._valid_until = clock() + _CACHED
        return self._known


def _read(records: Sequence[str], since: datetime) -> list[AccountStatistics]:
    """The attempts of a record; only these are validated, as records are large."""
    values = (each for text in records for each in json.loads(text)["internal"]["attempts"])
    attempts = [Attempt.model_validate(each) for each in values]
    return statistics_of(each for each in attempts if each.ended_at and each.ended_at >= since)


def statistics_of(attempts: Iterable[Attempt]) -> list[AccountStatistics]:
    """Statistics of attempts that ended, by account."""
    by_account: defaultdict[str, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        by_account[attempt.account].append(attempt)
    return [_statistics(account, by_account[account]) for account in sorted(by_account)]


def _statistics(account: str, attempts: Sequence[Attempt]) -> AccountStatistics:
    seconds = sorted(
        (each.ended_at - each.submitting_at).total_seconds()
        for each in attempts
        if each.outcome == Step.RENDERED and each.ended_at and each.submitting_at
    )
    faults = sum(each.outcome in _FAULTS for each in attempts)
    return AccountStatistics(
        account=account,
        attempts=len(attempts),
        error_rate=round(faults / len(attempts), 4),
        p50_seconds=percentile(seconds, 50),
        p95_seconds=percentile(seconds, 95),
    )


def percentile(ordered: Sequence[float], percent: int) -> float | None:
    """Percentile by nearest rank, rounded to milliseconds; None for no values."""
    if not ordered:
        return None
    return round(ordered[ceil(len(ordered) * percent / 100) - 1], 3)
