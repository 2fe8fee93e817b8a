"""Result of a batch: the outcome of each item."""

from collections import Counter
from dataclasses import dataclass

from heliograph.contracts.job_steps import Status
from heliograph.contracts.jobs import Cost
from heliograph.contracts.records import Record
from services.gateway.bulk.costs import total_cost
from services.gateway.bulk.items import ItemResult


@dataclass(frozen=True, kw_only=True)
class BatchResult:
    """A batch, as it is now."""

    id: str
    project: str
    items: list[ItemResult]

    @property
    def is_replayed(self) -> bool:
        """Whether everything was there before."""
        return all(item.outcome in ("replayed", "skipped") for item in self.items)

    @property
    def counts(self) -> dict[Status, int]:
        return Counter(record.status for record in self._jobs)

    @property
    def cost(self) -> Cost | None:
        """Total cost of the jobs, each once; None if the currencies differ."""
        return total_cost({record.id: record.cost for record in self._jobs}.values())

    @property
    def _jobs(self) -> list[Record]:
        attempted = (item for item in self.items if item.outcome != "skipped")
        return [item.entry.record for item in attempted if item.entry]


def latest_retry(latest: dict[str, str], job: str) -> str:
    """The last try that began with a job."""
    while job in latest:
        job = latest[job]
    return job
