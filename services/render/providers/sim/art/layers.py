"""What a landscape is stacked from: pieces on a stage, each moving in its own way."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, sin, tau
from random import Random
from typing import Protocol

from PIL import Image, ImageDraw

from services.render.providers.sim.art.palettes import Colour, Palette, Size
from services.render.providers.sim.art.shapes import FINE, Point, Shape, mask_of


class Layer(Protocol):
    """Something that is laid on the canvas."""

    def lay(self, canvas: Image.Image, turn: float) -> None:
        """As it stands at `turn`: from 0 to 1 is once around, so 1 is 0 again."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Where a landscape is built: its pixels, its inks, its luck."""

    width: int
    height: int
    palette: Palette
    dice: Random

    @property
    def unit(self) -> float:
        """A hundredth of the shorter side."""
        return min(self.width, self.height) / 100

    @property
    def reach(self) -> int:
        """How much wider than the canvas the land is on both sides, because it sways."""
        return ceil(self.width * 0.05)

    def parallax(self, depth: float) -> Point:
        """The sway of what stands at a depth: 0 is the horizon, 1 the foreground."""
        return depth * self.reach * 0.8, 0


@dataclass(frozen=True, kw_only=True)
class Cutout:
    """Colour through a mask of the same size; it sways around its place and may twinkle."""

    fill: Image.Image
    mask: Image.Image
    at: Point
    sway: Point = (0, 0)  #: pixels
    lag: float = 0  #: turns
    twinkle: float = 0  #: the share of its strength that comes and goes

    def lay(self, canvas: Image.Image, turn: float) -> None:
        wave = sin(tau * (turn + self.lag))
        x, y = self.at[0] + self.sway[0] * wave, self.at[1] + self.sway[1] * wave
        left, top = floor(x), floor(y)
        mask = self.mask
        if self.twinkle:
            strength = 1 - self.twinkle * (0.5 + 0.5 * wave)
            mask = mask.point([round(level * strength) for level in range(256)])
        if (left, top) == (x, y):
            canvas.paste(self.fill, (left, top), mask)
        else:
            mask = _nudged(mask, x - left, y - top)
            canvas.paste(self.fill.crop((0, 0, *mask.size)), (left + 1, top + 1), mask)


def cut_out(
    shapes: Sequence[tuple[Colour, Shape]],
    size: Point,
    at: Point,
    *,
    sway: Point = (0, 0),
    lag: float = 0,
) -> Cutout:
    """Coloured shapes, the later over the earlier, in a box of that size."""
    wide, tall = ceil(size[0]), ceil(size[1])
    large = Image.new("RGB", (wide * FINE, tall * FINE), shapes[0][0])
    draw = ImageDraw.Draw(large)
    for colour, shape in shapes:
        draw.polygon([(x * FINE, y * FINE) for x, y in shape], fill=colour)
    mask = mask_of([shape for _, shape in shapes], (wide, tall))
    place = (round(at[0]), round(at[1]))
    return Cutout(fill=large.reduce(FINE), mask=mask, at=place, sway=sway, lag=lag)


def plain(
    mask: Image.Image, colour: Colour, at: Point, *, lag: float = 0, twinkle: float = 0
) -> Cutout:
    """One colour through a mask."""
    fill = Image.new("RGB", mask.size, colour)
    place = (round(at[0]), round(at[1]))
    return Cutout(fill=fill, mask=mask, at=place, lag=lag, twinkle=twinkle)


def opaque(fill: Image.Image, top: int) -> Cutout:
    """A whole rectangle, from the left edge of the canvas."""
    return Cutout(fill=fill, mask=Image.new("L", fill.size, 255), at=(0, top))


def faded(mask: Image.Image, share: float) -> Image.Image:
    """A share (0 to 1) of the mask's strength."""
    return mask.point([round(level * share) for level in range(256)])


def box_at(middle: Point, size: Size) -> Point:
    """The upper left corner of a box around a point."""
    return middle[0] - size[0] / 2, middle[1] - size[1] / 2


def _nudged(mask: Image.Image, right: float, down: float) -> Image.Image:
    """Moved by parts of a pixel, so that slow things glide; it loses its first column and row."""
    width, height = mask.size
    box = (1 - right, 1 - down, width - right, height - down)
    return mask.resize((width - 1, height - 1), Image.Resampling.BILINEAR, box=box)
