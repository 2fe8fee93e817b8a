"""
ThumbHash: a picture in about 25 bytes, for pages to draw while the picture itself is loading.

As https://evanw.github.io/thumbhash/ defines it: averages and a few low frequencies (DCT) of
luminance, of two colour differences and, where there is transparency, of opacity.
"""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from functools import cache
from math import cos, floor, pi
from operator import mul
from typing import NamedTuple

from PIL import Image

_SIDE = 32  #: pixels of the longer side that is looked at; more change no bit that matters
_NOISE = 1e-9  #: frequencies below are errors of rounding
_PARTS = [level / 255 for level in range(256)]  #: of full intensity

Channel = list[float]


class _Frequencies(NamedTuple):
    """The average, and the other frequencies from 0 to 1 with their scale."""

    average: float
    others: list[float]
    scale: float


def thumb_hash(image: Image.Image) -> str:
    """The ThumbHash of a picture in RGB or RGBA, as base64."""
    small = image.convert("RGBA")
    small.thumbnail((_SIDE, _SIDE))
    *colours, opacity = _channels(small)
    has_alpha = min(opacity) < 1
    shape = _shape(*small.size, most=5 if has_alpha else 7)
    sizes = [(max(3, shape[0]), max(3, shape[1])), (3, 3), (3, 3)]
    spectra = [
        _frequencies(channel, *small.size, *size)
        for channel, size in zip(colours, sizes, strict=True)
    ]
    content = _header(spectra, small.size, shape, has_alpha=has_alpha)
    if has_alpha:
        spectra.append(_frequencies(opacity, *small.size, 5, 5))
        content += bytes([_rounded(15 * spectra[3].average) | _rounded(15 * spectra[3].scale) << 4])
    return b64encode(
        content + _nibbles([part for each in spectra for part in each.others])
    ).decode()


def _shape(width: int, height: int, *, most: int) -> tuple[int, int]:
    """Number of frequencies kept in each direction."""
    longest = max(width, height)
    return max(1, _rounded(most * width / longest)), max(1, _rounded(most * height / longest))


def _header(
    spectra: Sequence[_Frequencies],
    size: tuple[int, int],
    shape: tuple[int, int],
    *,
    has_alpha: bool,
) -> bytes:
    """Averages and scales, five bytes."""
    light, yellow, red = spectra
    is_wide = size[0] > size[1]
    averages = (
        _rounded(63 * light.average)
        | _rounded(31.5 + 31.5 * yellow.average) << 6
        | _rounded(31.5 + 31.5 * red.average) << 12
        | _rounded(31 * light.scale) << 18
        | has_alpha << 23
    )
    scales = (
        (shape[1] if is_wide else shape[0])
        | _rounded(63 * yellow.scale) << 3
        | _rounded(63 * red.scale) << 9
        | is_wide << 15
    )
    return averages.to_bytes(3, "little") + scales.to_bytes(2, "little")


def _channels(picture: Image.Image) -> tuple[Channel, ...]:
    """Luminance, yellow minus blue, red minus green, and opacity, over the average colour."""
    reds, greens, blues, opacity = (
        [_PARTS[level] for level in band.tobytes()] for band in picture.split()
    )
    if min(opacity) < 1:
        reds, greens, blues = (_over_mean(band, opacity) for band in (reds, greens, blues))
    light = [(r + g + b) / 3 for r, g, b in zip(reds, greens, blues, strict=True)]
    yellow = [(r + g) / 2 - b for r, g, b in zip(reds, greens, blues, strict=True)]
    red = [r - g for r, g in zip(reds, greens, strict=True)]
    return light, yellow, red, opacity


def _over_mean(colour: Channel, opacity: Channel) -> Channel:
    weight = sum(opacity)
    total = sum(c * a for c, a in zip(colour, opacity, strict=True))
    mean = total / weight if weight else total
    return [mean * (1 - a) + a * c for c, a in zip(colour, opacity, strict=True)]


def _frequencies(
    channel: Channel, width: int, height: int, columns: int, rows: int
) -> _Frequencies:
    lines = [channel[j * width : (j + 1) * width] for j in range(height)]
    along = [
        [sum(map(mul, line, wave)) for line in lines]
        for wave in (_wave(width, x) for x in range(columns))
    ]
    wanted = _wanted(columns, rows)
    average, *others = (
        sum(map(mul, along[x], _wave(height, y))) / (width * height) for x, y in wanted
    )
    scale = max(map(abs, others), default=0.0)
    has_any = scale > _NOISE
    scaled = [0.5 + 0.5 / scale * each if has_any else 0.0 for each in others]
    return _Frequencies(average, scaled, scale)


@cache
def _wave(length: int, turns: int) -> Channel:
    """A row of the transform's table: half a period of the cosine for each turn."""
    return [cos(pi / length * turns * (i + 0.5)) for i in range(length)]


def _wanted(columns: int, rows: int) -> Iterator[tuple[int, int]]:
    """The low frequencies: a triangle of all."""
    for y in range(rows):
        x = 0
        while x * rows < columns * (rows - y):
            yield x, y
            x += 1


def _nibbles(parts: Sequence[float]) -> bytes:
    values = [_rounded(15 * part) for part in parts]
    values += [0] * (len(values) % 2)
    return bytes(low | high << 4 for low, high in zip(values[::2], values[1::2], strict=True))


def _rounded(value: float) -> int:
    """Half up, as in the definition; Python's own goes to the even one."""
    return floor(value + 0.5)
