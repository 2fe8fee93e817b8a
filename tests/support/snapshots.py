"""A whole snapshot of the read model, page by page."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from services.status.read_model import ReadModel
from services.status.read_model.rows import Row
from services.status.read_model.snapshot_pages import SnapshotPage, SnapshotQuery


async def snapshot_pages(
    read_model: ReadModel,
    jobs: list[str] | None = None,
    *,
    at: datetime,
    limit: int = 100,
    room: int = 2**20,
) -> AsyncIterator[list[Row]]:
    """The pages of a snapshot of `demo`, with what ended within half an hour."""
    named = tuple(jobs) if jobs is not None else None
    query = SnapshotQuery(project="demo", jobs=named, final_since=at - timedelta(minutes=30))
    page: SnapshotPage | None = None
    while page is None or page.next:
        page = await read_model.snapshot(query, page.next if page else None, limit=limit, room=room)
        yield page.rows


async def whole_snapshot(
    read_model: ReadModel, jobs: list[str] | None = None, *, at: datetime
) -> list[Row]:
    return [row async for rows in snapshot_pages(read_model, jobs, at=at) for row in rows]
