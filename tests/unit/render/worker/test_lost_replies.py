"""Reasons of lost replies are bounded, and forgotten once the request was looked up."""

from services.render.worker.lost_replies import LostReplies


def test_a_reason_is_known_until_it_is_forgotten() -> None:
    lost = LostReplies()
    lost.remember("job", 1, "no answer")

    before = lost.reason("job", 1)
    lost.forget("job", 1)

    assert (before, lost.reason("job", 1), lost.reason("job", 2)) == ("no answer", None, None)


def test_only_the_newest_reasons_are_kept() -> None:
    lost = LostReplies()
    for run in range(1_001):
        lost.remember("job", run, "no answer")

    assert (lost.reason("job", 0), lost.reason("job", 1)) == (None, "no answer")
