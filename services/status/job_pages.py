"""Pages of jobs as they travel: cut where one would not fit into a message."""

from collections.abc import Callable

from heliograph.contracts.progress import ProgressReport
from heliograph.contracts.queries.jobs import JobOrder, JobPage, ListedJob
from services.status.read_model.job_cursors import cursor_after
from services.status.read_model.rows import Page
from services.status.reply_size import fit_in_message

LastReport = Callable[[str], ProgressReport | None]  #: of a job by its id


def job_page(
    page: Page, limit: int, order: JobOrder = "newest", report: LastReport = lambda job: None
) -> JobPage:
    """A page as it travels; cut where it would not fit one, to be continued by its cursor."""
    items = [
        ListedJob(
            sequence=row.sequence,
            record=row.record.model_dump(mode="json"),
            report=report(row.record.id) if row.record.status == "running" else None,
        )
        for row in page.rows
    ]
    kept = fit_in_message(items, limit)
    whole = kept == len(items)
    following = page.next if whole else cursor_after(page.rows[kept - 1].record, order)
    return JobPage(items=items[:kept], next=following)
