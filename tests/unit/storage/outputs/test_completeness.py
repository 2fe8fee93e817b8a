"""A text that ends before JSON does is noticed; one that is whole, or no JSON at all, is not."""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from services.storage.outputs.completeness import is_whole

TEXTS = {
    "object": b'{"scenes": [{"title": "one"}, {"title": "two"}]}',
    "list": b'[{"title": "one"}, "two", 3, "and some more"]',
    "long": b'{"text": "' + b"word " * 5_000 + b'"}',
    "with white space": b'\n  {"a": [1, 2, {"b": "three"}]}  \n',
}


@pytest.fixture
def put(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(content: bytes) -> Path:
        file = tmp_path / uuid4().hex
        file.write_bytes(content)
        return file

    return write


@pytest.mark.parametrize("content", TEXTS.values(), ids=TEXTS)
def test_a_text_that_is_whole_is_whole(put: Callable[[bytes], Path], content: bytes) -> None:
    assert is_whole(put(content))


@pytest.mark.parametrize("part", [0.85, 0.6])
@pytest.mark.parametrize("content", TEXTS.values(), ids=TEXTS)
def test_a_text_without_its_end_is_not(
    put: Callable[[bytes], Path], content: bytes, part: float
) -> None:
    assert not is_whole(put(content[: int(len(content) * part)]))


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"\x89PNG\r\n\x1a\n cut", b'{"a": 1} and more']
)
def test_what_has_other_mistakes_is_for_others_to_judge(
    put: Callable[[bytes], Path], content: bytes
) -> None:
    assert is_whole(put(content))
