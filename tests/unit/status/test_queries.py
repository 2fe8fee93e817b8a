"""A reply fits a message, however long what people wrote is."""

from typing import Any

import pytest

from heliograph.contracts.queries.slots import (
    JobView,
    SlotHistory,
    SlotPage,
    SlotState,
    SlotVersion,
)
from services.status.job_pages import job_page
from services.status.read_model.rows import Page, Row
from services.status.reply_size import as_json, truncate_history, truncate_page
from tests.support.records import a_record

MESSAGE = 1024 * 1024  #: bytes that a server lets through
ROOM = MESSAGE - 64 * 1024

LONG: dict[str, Any] = {"prompt": "灯" * 20_000, "edit_prompt": "台" * 20_000}


def a_shown_job(sequence: int, **fields: Any) -> JobView:
    job = a_record(**fields).model_dump(mode="json", exclude={"internal"})
    return JobView(sequence=sequence, job=job)


def a_slot(name: str = "shot/1", *, failures: int = 10) -> SlotState:
    """A version, a job that is making another, and failures, all as long as they may be."""
    return SlotState(
        slot=name,
        versions=1,
        current=SlotVersion(number=1, made_by=a_shown_job(1, **LONG)),
        active=a_shown_job(2, **LONG),
        report=None,
        failures=[a_shown_job(n, **LONG) for n in range(failures, 0, -1)],
    )


def a_page(*slots: SlotState) -> SlotPage:
    return SlotPage(epoch="one", sequence=1, items=list(slots), next=None)


def test_a_slot_that_would_not_fit_a_message_is_shown_with_its_newest_failures() -> None:
    page = a_page(a_slot())

    cut = truncate_page(page, ROOM)

    assert len(as_json(page)) > MESSAGE > len(as_json(cut))
    [slot] = cut.items
    assert (slot.current, slot.active) == (page.items[0].current, page.items[0].active)
    assert 0 < len(slot.failures) < 10
    assert slot.failures == page.items[0].failures[: len(slot.failures)]
    assert cut.next is None


def test_pages_of_long_slots_together_are_the_list() -> None:
    slots = [a_slot(f"shot/{n}", failures=n) for n in range(9)]
    seen: list[str] = []

    while len(seen) < len(slots):
        cut = truncate_page(a_page(*slots[len(seen) :]), ROOM)
        assert len(as_json(cut)) < MESSAGE
        seen += [slot.slot for slot in cut.items]
        assert cut.next == (seen[-1] if len(seen) < len(slots) else None)

    assert seen == [slot.slot for slot in slots]


def test_a_slot_that_fits_keeps_all_of_its_failures() -> None:
    page = a_page(a_slot(failures=3))

    assert truncate_page(page, ROOM) == page


@pytest.mark.parametrize("failures", [0, 10])
def test_a_slot_leaves_room_for_a_version_of_its_history(failures: int) -> None:
    versions = [SlotVersion(number=n, made_by=a_shown_job(n, **LONG)) for n in range(1, 12)]
    history = SlotHistory(
        epoch="one", sequence=1, state=a_slot(failures=failures), versions=versions
    )

    cut = truncate_history(history, ROOM)

    assert len(as_json(history)) > MESSAGE > len(as_json(cut))
    assert cut.versions == versions[: len(cut.versions)] != []
    assert cut.next == cut.versions[-1].number


def test_a_page_of_long_jobs_is_cut_where_a_message_ends() -> None:
    rows = [Row(n, a_record(**LONG)) for n in range(20)]

    reply = job_page(Page(rows, None), ROOM)

    assert len(as_json(reply)) < MESSAGE
    assert len(as_json(job_page(Page(rows, None), 10 * MESSAGE))) > MESSAGE
