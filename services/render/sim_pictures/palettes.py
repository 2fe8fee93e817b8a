"""Colour palettes of placeholder pictures."""

from dataclasses import dataclass
from random import Random

Colour = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class Palette:
    """Colours of one picture. `sky` runs from the zenith to the horizon."""

    sky: tuple[Colour, ...]
    far: Colour
    near: Colour
    sun: Colour
    accent: Colour
    paper: Colour
    ink: Colour

    @property
    def is_night(self) -> bool:
        """The sky is dark enough for stars."""
        return sum(self.sky[0]) < 240


def pick_palette(random: Random) -> Palette:
    """One of `PALETTES`."""
    return random.choice(PALETTES)


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """Linear interpolation from `one` (share 0) to `other` (share 1)."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _palette(sky: str, land: str, light: str, page: str) -> Palette:
    (far, near), (sun, accent), (paper, ink) = map(_colours, (land, light, page))
    return Palette(
        sky=_colours(sky), far=far, near=near, sun=sun, accent=accent, paper=paper, ink=ink
    )


def _colours(text: str) -> tuple[Colour, ...]:
    return tuple((red, green, blue) for red, green, blue in map(bytes.fromhex, text.split()))


PALETTES = (
    _palette("2b2350 6b3a6f d8675f f7b469", "b2586b 1b1730", "ffe0a8 e4572e", "f6ecdc 2a2140"),
    _palette("6f9bb0 a9c5c9 ecdfc3 f8cba2", "a3b9bb 18343f", "fff3d6 d9583b", "f4efe4 1f3640"),
    _palette("060a1c 0f1f49 22487c 6d9bbd", "436f9c 040814", "f6edd2 e8b04a", "0c1228 e9e3d0"),
    _palette("54457f b8629a f2938a fcd7a8", "d6837f 3f1a37", "fff1d2 f2545b", "f9ede3 45203a"),
    _palette("0c3744 1d6b71 7db59a f4d695", "5d998d 06222a", "ffeebb e2743a", "f3ecd9 0e3038"),
    _palette("040b1a 0a2739 125c60 82d3a6", "1f5b63 02070d", "ecfff0 f2b84b", "08141e dfeee4"),
    _palette("e9dcb8 efcf90 e8a560 d9743f", "cb7f4c 341812", "c7392b 1f5c66", "f7efdc 3b1d16"),
    _palette("8f93c6 bfaed4 ecccd2 fce3cb", "b5a3c8 28264a", "fff8e8 e0637c", "f5f0ee 322d52"),
)
