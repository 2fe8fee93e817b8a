"""The projector rests between batches, so that the next one is larger, but not while it is far behind."""

import pytest

from services.status.projector import rest_after

BATCH = 512


def test_a_projector_that_keeps_up_rests_for_longer_than_a_batch_took() -> None:
    assert rest_after(0.01, behind=20) == pytest.approx(0.08)


def test_a_projector_that_is_far_behind_rests_for_a_quarter_of_what_a_batch_took() -> None:
    assert rest_after(0.04, behind=10 * BATCH) == pytest.approx(0.01)


def test_a_slow_database_does_not_make_the_rest_any_longer() -> None:
    assert rest_after(10, behind=0) == rest_after(10, behind=10 * BATCH) == 0.25
