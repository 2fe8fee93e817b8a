"""What no encoding carries is found before it is sent, and named."""

import pytest

from heliograph.client_errors import Unsendable
from heliograph.encodable_text import check_key, check_sendable, part


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ("half an emoji \ud83d", "the text"),
        ({"prompt": "x\udcff"}, "/prompt: character 2"),
        ({"parameters": {"a/b": ["fine", "\ud83d"]}}, "/parameters/a~1b/1: character 1"),
        ({"tags": {"\ude00": "x"}}, "a name in /tags"),
        ({"parameters": {"seed": float("nan")}}, "/parameters/seed: nan"),
        ([{"prompt": float("inf")}], "/0/prompt: inf"),
    ],
)
def test_what_cannot_be_sent_is_named(value: object, place: str) -> None:
    with pytest.raises(Unsendable) as error:
        check_sendable(value)

    assert str(error.value).startswith(place)
    str(error.value).encode()


@pytest.mark.parametrize("value", ["", "\U0001f600", {"a": [1, 2.5, None, True, "é"]}, None])
def test_everything_else_can(value: object) -> None:
    check_sendable(value)


@pytest.mark.parametrize("key", ["", "a b", "clé", "a\n", "\ud83d"])
def test_a_key_has_the_characters_that_a_header_has(key: str) -> None:
    with pytest.raises(Unsendable):
        check_key(key)


def test_a_name_is_one_part_of_a_path() -> None:
    assert part("job_1") == "job_1"
    assert part("../../v1/lanes?x#y") == "..%2F..%2Fv1%2Flanes%3Fx%23y"
    with pytest.raises(Unsendable):
        part("\udcff")
