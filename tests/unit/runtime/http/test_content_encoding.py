"""Compression is undone piece by piece, however the pieces are cut, and never beyond the bound."""

import gzip
import os
import zlib

import pytest

from heliograph.runtime.http.content_encoding import (
    BrokenEncoding,
    TooLarge,
    UnknownEncoding,
    decoder,
)

CONTENT = os.urandom(5_000) + bytes(5_000)


def _undone(body: bytes, encoding: str | None, *, limit: int, pieces: int) -> bytes:
    undoing = decoder(encoding, limit)
    whole = b"".join(
        undoing.feed(body[start : start + pieces]) for start in range(0, len(body), pieces)
    )
    undoing.finish()
    return whole


@pytest.mark.parametrize("pieces", [1, 7, 100_000])
@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        (None, CONTENT),
        ("identity", CONTENT),
        ("gzip", gzip.compress(CONTENT)),
        (" Gzip ", gzip.compress(CONTENT[:1]) + gzip.compress(CONTENT[1:])),
        ("deflate", zlib.compress(CONTENT)),
        ("gzip", gzip.compress(CONTENT) + bytes(12)),
    ],
)
def test_a_body_is_what_it_stands_for(encoding: str | None, body: bytes, pieces: int) -> None:
    assert _undone(body, encoding, limit=len(CONTENT), pieces=pieces) == CONTENT


@pytest.mark.parametrize("pieces", [100, 100_000])
@pytest.mark.parametrize("encoding", [None, "gzip"])
def test_one_byte_more_than_the_bound_is_too_much(encoding: str | None, pieces: int) -> None:
    body = gzip.compress(CONTENT) if encoding else CONTENT

    with pytest.raises(TooLarge):
        _undone(body, encoding, limit=len(CONTENT) - 1, pieces=pieces)


def test_a_bomb_takes_no_more_memory_than_the_bound() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    undoing = decoder("gzip", 1_000)

    with pytest.raises(TooLarge):
        undoing.feed(bomb)


@pytest.mark.parametrize("body", [gzip.compress(CONTENT)[:-9], b"\x1f\x8b nothing", b""])
def test_what_is_cut_or_no_compression_is_broken(body: bytes) -> None:
    with pytest.raises(BrokenEncoding):
        _undone(body, "gzip", limit=100_000, pieces=100)


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "compress"])
def test_other_encodings_are_refused_by_name(encoding: str) -> None:
    with pytest.raises(UnknownEncoding, match=encoding):
        decoder(encoding, 1)
