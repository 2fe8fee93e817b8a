"""Query for a dry run of retention, answered by status."""

from heliograph.contracts.queries import Query
from heliograph.contracts.retention import CleanupReport, Retention


class PlanCleanup(Query[CleanupReport]):
    """Dry run of retention. Answered by status with `CleanupReport`."""

    subject = "query.cleanup"

    project: str
    retention: Retention
    dry_run: bool  #: of the report
