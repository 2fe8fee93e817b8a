"""What a table of the command line says of a job, and of a model."""

import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from rich.console import Console

from heliograph.cli.tables import (
    JOB_COLUMNS,
    age,
    cell,
    cost,
    job_cells,
    key_cells,
    price,
    show_table,
)
from heliograph.contracts.jobs import Cost
from heliograph.contracts.key_records import ListedKey
from tests.support.records import a_record

NOW = datetime(2030, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0 s"), (0, "0 s"), (59, "59 s"), (60, "1 min"), (3_599, "59 min"), (3_600, "1 h"),
     (86_399, "23 h"), (86_400, "1 d"), (40 * 86_400, "40 d")],
)  # fmt: skip
def test_an_age_has_its_largest_unit(seconds: float, text: str) -> None:
    assert age(NOW - timedelta(seconds=seconds), NOW) == text


@pytest.mark.parametrize(
    ("job_cost", "text"),
    [
        (Cost(estimated=Decimal("0.0530"), actual=None), "~0.053 USD"),
        (Cost(estimated=Decimal("0.05"), actual=Decimal(0)), "0 USD"),
        (Cost(estimated=Decimal(0), actual=Decimal(100), currency="EUR"), "100 EUR"),
    ],
)
def test_a_cost_is_what_was_paid_or_what_is_likely(job_cost: Cost, text: str) -> None:
    assert cost(job_cost) == text


@pytest.mark.parametrize(
    ("model_price", "text"),
    [
        ({"parameter": "price", "amount": "0", "unit": "request"}, "by price"),
        ({"amount": "0.0390", "unit": "image", "currency": "USD"}, "0.039 USD / image"),
        ({}, None),
    ],
)
def test_a_price_says_for_what_it_is(model_price: dict[str, str], text: str | None) -> None:
    assert price(model_price) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, ""), (True, "yes"), (0, "0"), (["a", None, "b"], "a, , b")]
)
def test_what_is_not_known_is_an_empty_cell(value: object, text: str) -> None:
    assert cell(value) == text


def test_where_there_is_no_terminal_nothing_is_cut() -> None:
    record = a_record(slot="/".join(["a" * 60] * 8))
    record = record.model_copy(update={"kind": "[bold]x"})
    written = io.StringIO()

    show_table(Console(file=written, width=40), JOB_COLUMNS, [job_cells(record, NOW)])

    head, row = written.getvalue().splitlines()
    assert head.split() == list(JOB_COLUMNS)
    assert row.split()[:4] == [record.id, "[bold]x", record.slot, "queued"]


@pytest.mark.parametrize(
    ("rest", "is_revoked", "state"),
    [
        (None, False, "works"),
        (15, False, "works"),
        (14, False, "expires in 14 d"),
        (0.5, False, "expires in 12 h"),
        (0, False, "expired"),
        (15, True, "revoked"),
    ],
)
def test_a_list_of_keys_says_which_expire_soon(
    rest: float | None, is_revoked: bool, state: str
) -> None:
    key = ListedKey(
        id="abcd1234",
        name="shop",
        scopes=["jobs:read", "jobs:write"],
        projects=None,
        created_by=None,
        created_at=NOW,
        expires_at=None if rest is None else NOW + timedelta(days=rest),
        revoked_at=NOW if is_revoked else None,
        rotated_until=None,
        last_used_at=None,
    )

    cells = key_cells(key, NOW)

    assert (cells["scopes"], cells["projects"]) == ("jobs:read jobs:write", "*")
    assert cells["state"] == state
