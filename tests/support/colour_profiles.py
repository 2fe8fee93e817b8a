"""
Colour profiles made byte by byte, and the colours that they stand for.

Format: ICC.1:2001-04 (version 2 profiles), https://www.color.org/icc_specs2.xalter.
"""

import math
import struct
from collections.abc import Iterable, Sequence

Triple = tuple[float, float, float]

D50: Triple = (0.9642, 1.0, 0.8249)
#: Primaries of Display P3 and Adobe RGB (1998), adapted to D50, as columns of the matrix to XYZ.
DISPLAY_P3 = ((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841))
ADOBE_RGB = ((0.6097, 0.3111, 0.0195), (0.2053, 0.6257, 0.0609), (0.1492, 0.0632, 0.7446))

_SRGB_FROM_D50 = ((3.1339, -1.6169, -0.4906), (-0.9788, 1.9161, 0.0335), (0.0719, -0.2290, 1.4052))


def rgb_profile(primaries: Sequence[Triple], gamma: float) -> bytes:
    """A matrix profile."""
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))
    tags = {name: _xyz(p) for name, p in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True)}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    return _profile(b"mntr", b"RGB ", b"XYZ ", tags)


def gray_profile(gamma: float) -> bytes:
    """A profile of one channel."""
    return _profile(
        b"mntr",
        b"GRAY",
        b"XYZ ",
        {b"kTRC": b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))},
    )


def cmyk_profile(inks: Sequence[Triple]) -> bytes:
    """
    A table profile: `inks` are the Lab colours of all 16 combinations of full inks, the last ink
    changing first.
    """
    identity = bytes(range(256))
    grid = b"".join(_lab8(lab) for lab in inks)
    head = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0])
    matrix = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    table = head + matrix + identity * 4 + grid + identity * 3
    return _profile(b"prtr", b"CMYK", b"Lab ", {b"A2B0": table})


def lab_of_rgb(pixel: Iterable[float], primaries: Sequence[Triple], gamma: float) -> Triple:
    """The colour of a pixel (0 to 255) that a matrix profile stands for."""
    linear = [(level / 255) ** gamma for level in pixel]
    x, y, z = (
        sum(p[i] * level for p, level in zip(primaries, linear, strict=True)) for i in range(3)
    )
    return _lab((x, y, z))


def lab_of_srgb(pixel: Iterable[float]) -> Triple:
    """The colour of an sRGB pixel (0 to 255)."""
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (level / 255 for level in pixel)
    ]
    matrix = ((0.4361, 0.3851, 0.1431), (0.2225, 0.7169, 0.0606), (0.0139, 0.0971, 0.7142))
    x, y, z = (sum(m * level for m, level in zip(row, linear, strict=True)) for row in matrix)
    return _lab((x, y, z))


def delta_e(one: Triple, other: Triple) -> float:
    """CIE 1976: the distance in Lab."""
    return math.dist(one, other)


def _lab(xyz: Triple) -> Triple:
    def curve(t: float) -> float:
        return t ** (1 / 3) if t > 216 / 24389 else (24389 / 27 * t + 16) / 116

    x, y, z = (curve(value / white) for value, white in zip(xyz, D50, strict=True))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _lab8(lab: Triple) -> bytes:
    return bytes([round(lab[0] * 2.55), round(lab[1] + 128), round(lab[2] + 128)])


def _xyz(xyz: Triple) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(value * 65536) for value in xyz))


def _profile(kind: bytes, space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    text = b"text\0\0\0\0none\0"
    description = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + bytes(78)
    tags = {b"desc": description, b"cprt": text, b"wtpt": _xyz(D50), **tags}
    at, table, body = 132 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        table += struct.pack(">4sII", name, at + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(">I4sI4s4s4s", at + len(body), b"", 0x02400000, kind, space, connection)
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061) + bytes(48)
    return head + struct.pack(">I", len(tags)) + table + body
