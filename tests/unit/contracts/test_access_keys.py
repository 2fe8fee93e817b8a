"""API keys: a typing error is found without a look-up, and a key cannot be shown by accident."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.contracts.access_keys import new_key, parse_key

KEY = new_key()
LETTERS = string.ascii_letters + string.digits


def test_a_key_is_read_as_it_was_made() -> None:
    assert parse_key(KEY.text) == KEY


def test_keys_are_random() -> None:
    keys = {new_key() for _ in range(100)}

    assert len({key.id for key in keys}) == len({key.text for key in keys}) == 100


@given(place=st.integers(0, len(KEY.text) - 1), letter=st.sampled_from(LETTERS))
def test_one_wrong_character_is_found(place: int, letter: str) -> None:
    text = KEY.text[:place] + letter + KEY.text[place + 1 :]

    assert parse_key(text) == (KEY if text == KEY.text else None)


@pytest.mark.parametrize(
    "text",
    ["", "hg_live_", KEY.text[:-1], f"{KEY.text}0", f" {KEY.text}", KEY.text.upper()],
    ids=["empty", "prefix", "too short", "too long", "space before", "capitals"],
)
def test_what_is_malformed_is_no_key(text: str) -> None:
    assert parse_key(text) is None


def test_a_key_shows_its_id_only() -> None:
    assert repr(KEY) == f"AccessKey({KEY.id})"


def test_a_new_secret_of_a_key_has_its_id() -> None:
    other = new_key(KEY.id)

    assert other.id == KEY.id
    assert other.digest != KEY.digest
