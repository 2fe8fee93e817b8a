"""Land: ridges, dunes and woods, paler the further they are."""

from collections.abc import Sequence
from itertools import pairwise
from math import ceil, exp, sin, tau
from random import Random

from PIL import Image, ImageChops

from services.render.providers.sim.art.layers import Cutout, Layer, Stage
from services.render.providers.sim.art.palettes import Colour, gradient, mix
from services.render.providers.sim.art.shapes import Point, Shape, mask_of


def ridge(stage: Stage, heights: list[float], top: float, tall: float, depth: float) -> Layer:
    """Heights of 0 to 1 along the land, as a skyline `tall` pixels high that begins at `top`."""
    return _ground(stage, [_skyline(stage, heights, 0, tall)], top, tall, haze(stage, depth), depth)


def bank(stage: Stage, top: float) -> Layer:
    """The dark ground in front."""
    return ridge(stage, rolling(stage.dice, 0.6), top, stage.height * 0.1, 1)


def isles(stage: Stage, horizon: float) -> Layer:
    """Islands on the horizon."""
    tall = stage.height * 0.09
    heights = [max(0.0, height - 0.45) / 0.55 for height in rolling(stage.dice, 1.4)]
    return ridge(stage, heights, horizon - tall, tall, 0.15)


def wood(stage: Stage, depth: float) -> Layer:
    """A row of pines on a slope, its foot in fog."""
    dice, across = stage.dice, stage.width + 2 * stage.reach
    trees, hill = stage.height * (0.08 + 0.22 * depth**1.4), stage.height * 0.12
    slope = rolling(dice, 0.8)
    shapes, x = [_skyline(stage, slope, trees, trees + hill)], 0.0
    while x < across:
        ground = trees + (1 - slope[int(x / across * (len(slope) - 1))]) * hill
        shapes.append(_pine((x, ground + 1), trees * dice.uniform(0.45, 0.98), dice))
        x += trees * dice.uniform(0.1, 0.42)
    top, fog = stage.height * (0.38 + 0.32 * depth), haze(stage, depth, 0.95)
    return _ground(stage, shapes, top, trees + hill, fog, depth)


def dune(stage: Stage, top: float, tall: float, depth: float) -> list[Layer]:
    """A crest, and the line that winds down from it between light and shade."""
    inks, peak = stage.palette, stage.dice.uniform(0.22, 0.78)
    heights = _dune_heights(rolling(stage.dice, 0.8), peak)
    tone = mix(mix(inks.far, inks.sky[-1], 0.35 * (1 - depth)), inks.near, 0.55 * depth)
    colours = (mix(tone, inks.pale, 0.3), tone, mix(tone, inks.near, 0.3))
    lit = _ground(stage, [_skyline(stage, heights, 0, tall)], top, tall, colours, depth)
    width, height = lit.mask.size
    x, y = width * peak, tall * (1 - heights[round(peak * (len(heights) - 1))])
    line = [
        (x + tall * (0.34 * sin(5 * s) - 1.1 * s**1.2), y + tall * s)
        for s in (step / 16 for step in range(64))
    ]
    beyond = [*line, (line[-1][0], height), (width, height), (width, 0), (x, 0)]
    shade = ImageChops.multiply(lit.mask, mask_of([beyond], lit.mask.size))
    dark = gradient((mix(tone, inks.near, 0.4), mix(tone, inks.near, 0.7)), shade.size)
    return [lit, Cutout(fill=dark, mask=shade, at=lit.at, sway=lit.sway)]


def haze(stage: Stage, depth: float, mist: float = 0.55) -> tuple[Colour, ...]:
    """Land's colours, top to foot: the further (depth 0), the nearer to the colour of the air."""
    inks = stage.palette
    top = mix(inks.far, inks.near, depth**1.2)
    foot = mix(top, inks.sky[-1], mist * (1 - depth))
    return top, mix(top, foot, 0.5), foot, foot


def rolling(dice: Random, waves: float) -> list[float]:
    """Heights (0 to 1) of soft hills; `waves` is about how many."""
    parts = [(waves * 1.9**k * dice.uniform(0.8, 1.2), 0.5**k, dice.random()) for k in range(5)]
    places = [place / 160 for place in range(161)]
    return _levelled([sum(a * sin(tau * (f * x + p)) for f, a, p in parts) for x in places])


def jagged(dice: Random, roughness: float) -> list[float]:
    """Heights (0 to 1) of rock, by halving the ways between random points again and again."""
    heights, spread = [dice.random() for _ in range(6)], 0.35
    for _ in range(6):
        middles = [(a + b) / 2 + dice.uniform(-spread, spread) for a, b in pairwise(heights)]
        heights = [h for pair in zip(heights, middles, strict=False) for h in pair] + heights[-1:]
        spread *= roughness
    return _levelled(heights)


def _ground(
    stage: Stage,
    shapes: Sequence[Shape],
    top: float,
    band: float,
    colours: tuple[Colour, ...],
    depth: float,
) -> Cutout:
    """The shapes in the uppermost `band` pixels under `top`, and solid ground below."""
    size = (stage.width + 2 * stage.reach, stage.height - round(top))
    mask = Image.new("L", size, 255)
    mask.paste(mask_of(shapes, (size[0], ceil(band))))
    fill, at = gradient(colours, size), (-stage.reach, round(top))
    return Cutout(fill=fill, mask=mask, at=at, sway=stage.parallax(depth))


def _skyline(stage: Stage, heights: Sequence[float], top: float, bottom: float) -> list[Point]:
    across = stage.width + 2 * stage.reach
    last = len(heights) - 1
    edge = [(across * i / last, bottom - h * (bottom - top)) for i, h in enumerate(heights)]
    return [(0, bottom + 2), *edge, (across, bottom + 2)]


def _dune_heights(soft: list[float], peak: float) -> list[float]:
    """A gentle side and a steeper one, on a floor that is not quite even."""
    last = len(soft) - 1
    away = [(i / last - peak) / (0.34 if i / last < peak else 0.24) for i in range(last + 1)]
    return [0.72 * exp(-(abs(a) ** 1.3)) + 0.28 * h for a, h in zip(away, soft, strict=True)]


def _pine(at: Point, tall: float, dice: Random) -> list[Point]:
    (x, ground), tiers = at, 6
    half = tall * dice.uniform(0.15, 0.2)
    left, right = [], []
    for tier in range(1, tiers + 1):
        y, out = ground - tall * (1 - tier / tiers), half * tier / tiers
        left += [(x - out, y), (x - out * 0.6, y - tall * 0.015)]
        right += [(x + out, y), (x + out * 0.6, y - tall * 0.015)]
    return [(x, ground - tall), *right, (x, ground + tall * 0.3), *reversed(left)]


def _levelled(heights: list[float]) -> list[float]:
    low, high = min(heights), max(heights)
    return [(height - low) / (high - low) for height in heights]
