"""A cursor continues the list that it is from, and no other."""

import pytest

from heliograph.contracts.errors import ValidationFailed
from services.gateway.cursors import MAX_CURSOR, ListCursors

SLOT = "/".join(["a" * 64] * 8)  #: the longest name


@pytest.mark.parametrize("position", ["5.job_01M7ZF5BNNQYQWNDKJFSCJKC5B", "shot/1", "12", SLOT])
def test_a_cursor_leads_back_to_its_position(position: str) -> None:
    cursors = ListCursors("jobs", {"project": "demo", "statuses": ["failed"]})
    cursor = cursors.after(position)

    assert cursor
    assert len(cursor) <= MAX_CURSOR
    assert cursors.position(cursor) == position


def test_the_end_of_a_list_has_no_cursor() -> None:
    assert ListCursors("jobs", {}).after(None) is None


def test_a_list_without_a_cursor_begins() -> None:
    assert ListCursors("jobs", {}).position(None) is None


@pytest.mark.parametrize(
    "other",
    [
        ListCursors("jobs", {"project": "other", "statuses": ["failed"]}),
        ListCursors("jobs", {"project": "demo", "statuses": []}),
        ListCursors("jobs", {"project": "demo"}),
        ListCursors("slots", {"project": "demo", "statuses": ["failed"]}),
    ],
    ids=["project", "filter", "no filter", "sort of list"],
)
def test_a_cursor_of_another_list_is_refused(other: ListCursors) -> None:
    cursor = other.after("5")

    with pytest.raises(ValidationFailed) as error:
        ListCursors("jobs", {"project": "demo", "statuses": ["failed"]}).position(cursor)

    assert [each.pointer for each in error.value.errors] == ["/query/cursor"]


@pytest.mark.parametrize("cursor", ["", "!", "abc", "é", "=", "_w", "\0", "a" * MAX_CURSOR])
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(ValidationFailed):
        ListCursors("jobs", {}).position(cursor)
