"""A problem has room for what is wrong, and never more of it than a message can carry."""

import json

from heliograph.contracts.errors import HeliographError, ValidationFailed
from heliograph.contracts.problems import MAX_ERRORS, FieldError
from heliograph.contracts.text_limits import MAX_TEXT


def mistakes(count: int) -> list[FieldError]:
    return [FieldError(pointer=f"/x{n}", detail="not wanted") for n in range(count)]


def test_all_mistakes_that_fit_are_listed() -> None:
    problem = ValidationFailed("wrong", errors=mistakes(MAX_ERRORS)).problem()

    assert (problem.detail, len(problem.errors)) == ("wrong", MAX_ERRORS)


def test_of_more_mistakes_the_first_are_listed_with_their_number() -> None:
    problem = ValidationFailed("wrong", errors=mistakes(20_000)).problem()

    assert problem.errors == mistakes(MAX_ERRORS)
    assert problem.detail == f"wrong (the first {MAX_ERRORS} of 20000 mistakes)"


def test_a_long_text_is_cut_and_looks_like_it() -> None:
    whole, long = "x" * MAX_TEXT, "x" * (MAX_TEXT + 1)

    assert HeliographError(whole).problem().detail == whole
    assert HeliographError(long).problem().detail == whole[:-1] + "…"


def test_the_detail_of_a_mistake_is_cut_as_well() -> None:
    [shown] = ValidationFailed.at("/parameters/seed", "x" * 600_000).problem().errors

    assert shown.pointer == "/parameters/seed"
    assert shown.detail == "x" * (MAX_TEXT - 1) + "…"


def test_a_pointer_that_is_too_long_leads_as_far_as_there_is_room() -> None:
    """One that ended amid a name would lead nowhere."""
    whole = "/parameters/" + "x" * (MAX_TEXT - 12)
    pointers = [whole, whole + "x", whole + "/y", "/" + "x" * 600_000]
    shown = ValidationFailed(errors=[FieldError(pointer=p, detail="") for p in pointers]).problem()

    assert [each.pointer for each in shown.errors] == [whole, "/parameters", whole, ""]


def test_no_problem_is_too_large_for_a_message() -> None:
    long = "\x01" * 100_000  # of which JSON makes six bytes each
    errors = [FieldError(pointer=f"/{long[: MAX_TEXT - 1]}", detail=long)] * 20_000
    problem = ValidationFailed(long, errors=errors).problem()

    assert len(json.dumps(problem.model_dump(mode="json"))) < 1024 * 1024 * 3 // 4
