"""The colours a picture may be printed in."""

from dataclasses import dataclass
from random import Random

from PIL import Image

Colour = tuple[int, int, int]
Size = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Palette:
    """One print's inks. `sky` runs from the zenith to the horizon."""

    sky: tuple[Colour, ...]
    far: Colour
    near: Colour
    sun: Colour
    glow: Colour
    accent: Colour
    paper: Colour
    ink: Colour
    night: bool

    @property
    def dusk(self) -> bool:
        """Whether the sky is dark enough for stars."""
        return sum(self.sky[0]) < 240

    @property
    def pale(self) -> Colour:
        """The lightest ink."""
        return max(self.sun, self.glow, self.paper, key=sum)


def pick_palette(dice: Random) -> Palette:
    """One of the palettes."""
    return dice.choice(PALETTES)


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """From `one` (share 0) to `other` (share 1)."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def gradient(colours: tuple[Colour, ...], size: Size) -> Image.Image:
    """The colours evenly spread from the top row to the bottom row."""
    column = Image.new("RGB", (1, len(colours)))
    column.putdata(colours)
    middle_to_middle = (0, 0.5, 1, len(colours) - 0.5)
    tall = column.resize((1, size[1]), Image.Resampling.BICUBIC, box=middle_to_middle)
    return tall.resize(size, Image.Resampling.NEAREST)


def _palette(sky: str, land: str, light: str, page: str) -> Palette:
    far, near = _colours(land)
    sun, glow, accent = _colours(light)
    paper, ink = _colours(page)
    return Palette(
        sky=_colours(sky),
        far=far,
        near=near,
        sun=sun,
        glow=glow,
        accent=accent,
        paper=paper,
        ink=ink,
        night=sum(paper) < sum(ink),
    )


def _colours(text: str) -> tuple[Colour, ...]:
    return tuple((red, green, blue) for red, green, blue in map(bytes.fromhex, text.split()))


PALETTES = tuple(
    _palette(*row.split("|"))
    for row in (
        # ember
        "2b2350 6b3a6f d8675f f7b469|b2586b 1b1730|ffe0a8 ffb56b e4572e|f6ecdc 2a2140",
        # north
        "6f9bb0 a9c5c9 ecdfc3 f8cba2|a3b9bb 18343f|fff3d6 ffdfb0 d9583b|f4efe4 1f3640",
        # midnight
        "060a1c 0f1f49 22487c 6d9bbd|436f9c 040814|f6edd2 9dc4e6 e8b04a|0c1228 e9e3d0",
        # rose
        "54457f b8629a f2938a fcd7a8|d6837f 3f1a37|fff1d2 ffc9a0 f2545b|f9ede3 45203a",
        # lagoon
        "0c3744 1d6b71 7db59a f4d695|5d998d 06222a|ffeebb ffd98a e2743a|f3ecd9 0e3038",
        # aurora
        "040b1a 0a2739 125c60 82d3a6|1f5b63 02070d|ecfff0 8fe6b8 f2b84b|08141e dfeee4",
        # ochre
        "e9dcb8 efcf90 e8a560 d9743f|cb7f4c 341812|c7392b f0b070 1f5c66|f7efdc 3b1d16",
        # lavender
        "8f93c6 bfaed4 ecccd2 fce3cb|b5a3c8 28264a|fff8e8 ffe2d0 e0637c|f5f0ee 322d52",
        # slate
        "22323a 4d636b 93a59d e3d6ae|7c918d 10191d|fbeecb f0d99a d98a3d|efece2 1f2c31",
        # cherry
        "1c0f2e 4a1942 a52a55 f26b5e|8a2c55 12071c|ffc6a0 ff8a73 ffd166|1a0e26 f7dccf",
    )
)
