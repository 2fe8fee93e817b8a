"""A page in a browser misses nothing, shows nothing twice and grows no heavier, however often it is cut off."""

import os
from pathlib import Path

import pytest

from tests.chaos.page_disconnects import EVENTS, live_page

CUTS = int(os.environ.get("PAGE_CUTS", "50"))  #: 1,000 in `make chaos`
WARM = 20  #: after which a page has all it needs
HEAP = 4.0  #: MiB that it may grow by, and what its jobs take
HEAP_OF_A_JOB = 8 / 1024  #: MiB, in the store, the list and the rows


@pytest.mark.timeout(3600)
async def test_a_page_that_is_cut_off_again_and_again_shows_every_job_once(
    tmp_path: Path, project: str
) -> None:
    async with live_page(tmp_path / "home") as page:
        await page.open(project)
        cut, written = await page.cut_while_jobs_are_made(project, WARM)
        listeners, heap = await page.weight()
        more, later = await page.cut_while_jobs_are_made(project, CUTS - WARM)
        written += later
        told = await page.told(len(written))
        rows = await page.rows(len(written) // 2)
        listeners_later, heap_later = await page.weight()
        snapshots = await page.page.evaluate("told.snapshots")
    counts = f"{cut + more} connections cut, {len(told)} events, {rows} jobs"
    weight = (
        f"listeners {listeners}, then {listeners_later}; heap {heap:.1f}, then {heap_later:.1f} MiB"
    )
    print(f"{counts}; {weight}")  # noqa: T201

    assert told == written
    assert len(written) == CUTS * EVENTS
    assert rows == len(written) // 2
    assert snapshots == 1
    assert cut + more >= CUTS
    assert listeners_later <= listeners + 10
    assert heap_later - heap <= HEAP + HEAP_OF_A_JOB * rows
