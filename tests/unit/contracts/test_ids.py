"""Names are of one grammar everywhere, and an id leads back to what it names."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from heliograph.contracts import ids as names
from heliograph.contracts.id_generation import asset_id, job_of_asset, keyed_job_id, new_job_id
from heliograph.contracts.ids import (
    ASSET_PATTERN,
    JOB_PATTERN,
    MODEL_PATTERN,
    PROJECT_PATTERN,
    SHA256_PATTERN,
    SLOT_PATTERN,
    matches,
)

ULID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"

thorough = settings(max_examples=100, deadline=None)

GOOD = {
    PROJECT_PATTERN: ["a", "0", "demo", "Show_1-b", "x" * 64],
    SLOT_PATTERN: ["a", "cast/alice/ref_a", "portrait/char-123", "/".join("abcdefgh"), "x" * 64],
    JOB_PATTERN: [f"job_{ULID}", "job_7ZZZZZZZZZZZZZZZZZZZZZZZZZ"],
    ASSET_PATTERN: [f"ast_{ULID}_0", f"ast_{ULID}_15"],
    MODEL_PATTERN: ["sim/picture", "fal/flux-1.1_pro", "a/" + "b" * 64],
    SHA256_PATTERN: ["0" * 64, "deadbeef" * 8],
}
BAD = {
    PROJECT_PATTERN: ["", "-a", "_a", "a.b", "a b", "a/b", "é", "x" * 65, "demo\n", "*", ">"],
    SLOT_PATTERN: ["", "/a", "a/", "a//b", "a/-b", "/".join("abcdefghi"), "a/" + "x" * 65, "a.b"],
    JOB_PATTERN: ["job_", ULID, f"job_{ULID}0", f"job_{ULID.lower()}", "job_" + "8" * 26],
    ASSET_PATTERN: [f"ast_{ULID}", f"ast_{ULID}_", f"ast_{ULID}_a", f"ast_{ULID}_1000"],
    MODEL_PATTERN: ["", "sim", "sim/", "/picture", "sim/a/b", "sim/.a", "si.m/a", "a/" + "b" * 65],
    SHA256_PATTERN: ["", "0" * 63, "0" * 65, "A" * 64, f"sha256:{'0' * 64}"],
}
TYPES = {
    PROJECT_PATTERN: names.ProjectName,
    SLOT_PATTERN: names.SlotName,
    JOB_PATTERN: names.JobId,
    ASSET_PATTERN: names.AssetId,
    MODEL_PATTERN: names.ModelName,
    SHA256_PATTERN: names.Sha256,
}


def is_accepted(pattern: str, name: str) -> bool:
    """Whether a body may carry the name."""
    try:
        TypeAdapter(TYPES[pattern]).validate_python(name)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(("pattern", "name"), [(p, n) for p, good in GOOD.items() for n in good])
def test_a_name_of_the_grammar_is_accepted_in_paths_and_bodies(pattern: str, name: str) -> None:
    assert matches(pattern, name)
    assert is_accepted(pattern, name)


@pytest.mark.parametrize(("pattern", "name"), [(p, n) for p, bad in BAD.items() for n in bad])
def test_any_other_name_is_refused_in_paths_and_bodies(pattern: str, name: str) -> None:
    assert not matches(pattern, name)
    assert not is_accepted(pattern, name)


@pytest.mark.parametrize("pattern", GOOD)
def test_a_line_break_is_part_of_no_name(pattern: str) -> None:
    name = f"{GOOD[pattern][0]}\n"

    assert not matches(pattern, name)
    assert not is_accepted(pattern, name)


@pytest.mark.parametrize("digit", ["٣", "३", "３"])
def test_an_index_is_written_in_our_digits(digit: str) -> None:
    name = f"ast_{ULID}_{digit}"

    assert not matches(ASSET_PATTERN, name)
    assert not is_accepted(ASSET_PATTERN, name)


@thorough
@given(name=st.text(alphabet="aZ0_-/. é\n", max_size=12), pattern=st.sampled_from(sorted(TYPES)))
def test_paths_and_bodies_agree_on_every_name(name: str, pattern: str) -> None:
    assert matches(pattern, name) == is_accepted(pattern, name)


def test_ids_made_later_sort_later() -> None:
    ids = [new_job_id() for _ in range(50)]

    times = [each[:14] for each in ids]
    assert times == sorted(times)
    assert len(set(ids)) == 50
    assert all(matches(JOB_PATTERN, each) for each in ids)


@thorough
@given(key=st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1))
def test_the_same_key_is_always_the_same_job(key: str) -> None:
    job = keyed_job_id("demo", key)

    assert job == keyed_job_id("demo", key)
    assert matches(JOB_PATTERN, job)


def test_the_job_of_a_key_is_the_same_for_ever() -> None:
    assert keyed_job_id("demo", "k-1") == "job_6B1X76GVBRTSP9XNDWKF2VDET2"


@pytest.mark.parametrize(
    ("one", "another"),
    [(("a", "k"), ("b", "k")), (("a", "k"), ("a", "K")), (("a", "bk"), ("ab", "k"))],
)
def test_another_project_or_key_is_another_job(
    one: tuple[str, str], another: tuple[str, str]
) -> None:
    assert keyed_job_id(*one) != keyed_job_id(*another)


@thorough
@given(index=st.integers(0, 999))
def test_an_asset_leads_back_to_its_job(index: int) -> None:
    job = new_job_id()
    asset = asset_id(job, index)

    assert matches(ASSET_PATTERN, asset)
    assert job_of_asset(asset) == (job, index)
