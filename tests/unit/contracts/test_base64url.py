"""Bytes come back as they were, and what is no base64url is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.contracts.base64url import decode, encode


@given(st.binary(max_size=64))
def test_bytes_come_back_as_they_were(content: bytes) -> None:
    text = encode(content)

    assert decode(text) == content
    assert text.isascii()
    assert not set(text) & set("+/= ")


@pytest.mark.parametrize("text", ["a", "abcde", "ab c", "ab\n", "é", "a.b", "ab!?"])
def test_what_is_no_base64url_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(text)
