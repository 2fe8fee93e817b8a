"""Pixels of a PNG are decompressed before Pillow gets them, and are the same pixels."""

import io
import os
import struct
import zlib
from typing import Any

import pytest
from PIL import Image

from services.storage.media import png_chunks
from services.storage.media.png_pixels import unpacked

WIDTH, HEIGHT = 61, 47  #: pixels; rows of few bits end within a byte

MODES: list[tuple[str, dict[str, Any]]] = [
    ("1", {}),
    ("L", {}),
    ("LA", {}),
    ("RGB", {}),
    ("RGBA", {}),
    ("I;16", {}),
    ("P", {"bits": 2}),
    ("P", {"bits": 4}),
    ("P", {"bits": 8, "transparency": 3}),
]


def encoded(mode: str, width: int, height: int, **options: Any) -> bytes:
    noise = Image.effect_noise((width, height), 90)
    image = Image.frombytes(mode, noise.size, 2 * noise.tobytes()) if mode == "I;16" else noise
    buffer = io.BytesIO()
    (image if image.mode == mode else image.convert(mode)).save(buffer, "PNG", **options)
    return buffer.getvalue()


def decoded(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def header(*, interlaced: bool = False, height: int = HEIGHT) -> bytes:
    """Of a grey picture."""
    return struct.pack(">IIBBBBB", WIDTH, height, 8, 0, 0, 0, interlaced)


def rows(height: int = HEIGHT) -> bytes:
    return os.urandom(height * (1 + WIDTH))


@pytest.mark.parametrize(("mode", "options"), MODES, ids=[f"{m}{o}" for m, o in MODES])
def test_a_picture_of_any_mode_has_the_same_pixels(mode: str, options: dict[str, Any]) -> None:
    content = encoded(mode, WIDTH, HEIGHT, **options)

    essential = png_chunks.essential(content)

    assert decoded(essential) == decoded(content)


def test_pixels_in_many_chunks_become_one_without_compression() -> None:
    content = encoded("RGB", 500, 400)
    assert content.count(b"IDAT") > 1

    essential = png_chunks.essential(content)

    assert essential.count(b"IDAT") == 1
    assert len(essential) > 3 * 500 * 400
    assert decoded(essential) == decoded(content)


def test_a_stream_without_compression_has_the_same_rows() -> None:
    pixels = rows(height=3000)

    stream = unpacked(header(height=3000), [zlib.compress(pixels)])

    assert stream is not None
    assert zlib.decompress(b"".join(stream)) == pixels
    assert len(b"".join(stream)) > len(pixels)


DAMAGED = {
    "cut off": zlib.compress(rows())[:-100],
    "without the sum at its end": zlib.compress(rows())[:-4],
    "with a wrong sum": zlib.compress(rows())[:-4] + struct.pack(">I", 0),
    "of noise": b"\x78\x9c" + bytes(range(200)),
    "a row short": zlib.compress(rows(HEIGHT - 1)),
    "a row longer": zlib.compress(rows(HEIGHT + 1)),
    "of nothing": b"",
}


@pytest.mark.parametrize("packed", DAMAGED.values(), ids=DAMAGED)
def test_what_is_not_whole_is_left_to_pillow(packed: bytes) -> None:
    assert unpacked(header(), [packed]) is None


def test_an_interlaced_picture_is_left_to_pillow() -> None:
    """Its rows have another sum."""
    assert unpacked(header(interlaced=True), [zlib.compress(rows())]) is None


def test_more_pixels_than_are_held_beside_the_picture_are_left_to_pillow() -> None:
    height = 32 * 2**20 // (1 + WIDTH) + 1

    assert unpacked(header(height=height), [zlib.compress(bytes(height * (1 + WIDTH)), 1)]) is None


def test_pixels_in_two_runs_of_chunks_stay_compressed() -> None:
    """Decoders look at the first run only; a palette in between ends it."""
    content = encoded("P", 500, 400)
    second = content.index(b"IDAT", content.index(b"IDAT") + 4) - 4
    palette = content.index(b"PLTE") - 4
    length = 12 + int.from_bytes(content[palette : palette + 4])
    split = content[:second] + content[palette : palette + length] + content[second:]

    assert png_chunks.essential(split).count(b"IDAT") == split.count(b"IDAT")
