"""Query of account statistics, which status answers from the jobs that ended lately."""

from heliograph.contracts.queries import Query
from heliograph.contracts.tolerant_reader import Tolerant


class AccountStatistics(Tolerant):
    """Attempts with an account, of jobs that ended in the last hour: of the newest ones, if many."""

    account: str
    attempts: int
    error_rate: float  #: part of them that failed for a reason of the provider, 0 to 1
    p50_seconds: float | None  #: from submission to the result; null where none succeeded
    p95_seconds: float | None


class AccountStatisticsList(Tolerant):
    items: list[AccountStatistics]  #: accounts without attempts are missing


class ListAccountStatistics(Query[AccountStatisticsList]):
    """Recent error rates and durations by account. Answered by status with `AccountStatisticsList`."""

    subject = "query.accounts.statistics"
