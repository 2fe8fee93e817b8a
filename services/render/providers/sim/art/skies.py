"""The sky, and what shines or flies in it."""

from itertools import pairwise
from math import ceil, sin, tau

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from services.render.providers.sim.art.layers import (
    Cutout,
    Layer,
    Stage,
    box_at,
    cut_out,
    faded,
    opaque,
    plain,
)
from services.render.providers.sim.art.palettes import Palette, gradient, mix
from services.render.providers.sim.art.shapes import Point, halo, mask_of, oval, stroke


def sky(stage: Stage, horizon: float) -> Layer:
    """The whole canvas, the sky's colours down to the horizon."""
    fill = Image.new("RGB", (stage.width, stage.height), stage.palette.sky[-1])
    fill.paste(gradient(stage.palette.sky, (stage.width, ceil(horizon))))
    return opaque(fill, 0)


def light(stage: Stage, middle: Point, across: float) -> list[Layer]:
    """The sun, or by night the moon, which may be a crescent; and its glow."""
    wide = ceil(across) + 4
    disc = mask_of([oval(wide / 2, wide / 2, across, across)], (wide, wide))
    if stage.palette.night and stage.dice.random() < 0.5:
        shadow = oval(wide * 0.68, wide * 0.42, across * 0.92, across * 0.92)
        disc = ImageChops.subtract(disc, mask_of([shadow], disc.size))
    shine = halo(ceil(max(stage.width, stage.height) * 1.3), 0.75)
    return [
        plain(shine, stage.palette.glow, box_at(middle, shine.size), twinkle=0.2),
        plain(disc, stage.palette.sun, box_at(middle, disc.size)),
    ]


def dark_sky(stage: Stage, above: float) -> list[Layer]:
    """Stars and a constellation if the sky is dark; by night northern lights, now and then."""
    if not stage.palette.dusk:
        return []
    across = stage.unit * 30
    place = (stage.dice.uniform(0.06, 0.94) * (stage.width - across), above * 0.1)
    layers = [*_stars(stage, ceil(above)), _constellation(stage, place, across)]
    if stage.palette.night and stage.dice.random() < 0.6:
        layers.insert(0, _northern_lights(stage, ceil(above)))
    return layers


def birds(stage: Stage, y: float) -> list[Layer]:
    """A loose flock, by day."""
    if stage.palette.night:
        return []
    wide, tall = ceil(stage.unit * 24), ceil(stage.unit * 12)
    shapes: list[list[Point]] = []
    for _ in range(stage.dice.randint(3, 6)):
        x, height = stage.dice.uniform(0.1, 0.9) * wide, stage.dice.uniform(0.25, 0.9) * tall
        span = stage.unit * stage.dice.uniform(1.2, 2.2)
        shapes += [_wing(x, height, span), _wing(x, height, -span)]
    mask = mask_of(shapes, (wide, tall))
    fill = Image.new("RGB", mask.size, stage.palette.near)
    at = (round(stage.width * stage.dice.uniform(0.12, 0.68)), round(y))
    return [Cutout(fill=fill, mask=mask, at=at, sway=(stage.unit * 6, stage.unit))]


def balloons(stage: Stage, lent: list[Palette]) -> list[Layer]:
    """Hot-air balloons side by side, one in the colours of each palette."""
    step = stage.width / max(1, len(lent))
    largest = min(stage.unit * 22, step * 1.1)
    layers: list[Layer] = []
    for number, inks in enumerate(lent):
        tall = largest * stage.dice.uniform(0.65, 1)
        x = step * (number + stage.dice.uniform(0.3, 0.7)) - tall * 0.36
        y = stage.height * stage.dice.uniform(0.05, 0.28)
        layers.append(_balloon(stage, (x, y), tall, inks))
    return layers


def _balloon(stage: Stage, at: Point, tall: float, inks: Palette) -> Layer:
    middle = tall * 0.36
    one, two = inks.accent, stage.dice.choice((inks.pale, inks.sky[0], inks.sky[2]))
    basket = mix(inks.near, stage.palette.near, 0.5)
    left, right = middle - tall * 0.045, middle + tall * 0.045
    crate = [(left, tall * 0.88), (right, tall * 0.88), (right, tall * 0.98), (left, tall * 0.98)]
    shapes = [
        (one, _gore(middle, tall, 0.98)),
        (two, _gore(middle, tall, 0.68)),
        (one, _gore(middle, tall, 0.36)),
        (basket, stroke((left, tall * 0.76), (left, tall * 0.9), 0.8)),
        (basket, stroke((right, tall * 0.76), (right, tall * 0.9), 0.8)),
        (basket, crate),
    ]
    sway = (stage.unit * 0.8, stage.unit * 1.8)
    return cut_out(shapes, (middle * 2, tall), at, sway=sway, lag=stage.dice.random())


def _gore(middle: float, tall: float, share: float) -> list[Point]:
    """A balloon's envelope, narrowed to a share of its breadth."""
    half, neck = middle * share, tall * 0.06 * share
    dome = oval(middle, tall * 0.36, half * 2, tall * 0.72)[24:]
    steps = [step / 6 for step in range(7)]
    side = [(half + (neck - half) * s**1.7, tall * (0.36 + 0.41 * s)) for s in steps]
    right = [(middle + out, y) for out, y in side]
    left = [(middle - out, y) for out, y in reversed(side)]
    return [*dome, *right, *left]


def _stars(stage: Stage, tall: int) -> list[Layer]:
    """Two fields, which twinkle in turn."""
    layers: list[Layer] = []
    for lag in (0.0, 0.5):
        mask = Image.new("L", (stage.width, tall))
        for _ in range(stage.width * tall // 4500):
            x, y = stage.dice.randrange(stage.width), int(tall * stage.dice.random() ** 1.6)
            mask.putpixel((x, y), stage.dice.randint(60, 230))
        for _ in range(9):
            x, y = stage.dice.randrange(stage.width), int(tall * 0.8 * stage.dice.random())
            mask.paste(halo(stage.dice.choice((5, 7)), 1), (x, y))
        layers.append(plain(mask, stage.palette.pale, (0, 0), lag=lag, twinkle=0.6))
    return layers


def _constellation(stage: Stage, at: Point, across: float) -> Layer:
    """A few stars joined by a fine line."""
    dice, count, tall = stage.dice, stage.dice.randint(5, 7), across * 0.6
    knots = [
        ((step + dice.uniform(0.2, 0.8)) * across / count, dice.uniform(0.1, 0.9) * tall)
        for step in range(count)
    ]
    size = (ceil(across), ceil(tall))
    lines = [stroke(a, b, 0.8) for a, b in pairwise(knots)]
    dots = [oval(x, y, wide, wide) for x, y in knots for wide in [dice.uniform(2.4, 5)]]
    mask = ImageChops.lighter(faded(mask_of(lines, size), 0.35), mask_of(dots, size))
    return plain(mask, stage.palette.pale, at)


def _northern_lights(stage: Stage, tall: int) -> Layer:
    """Curtains of light: upright rays, soft above and sharper below."""
    wide, high, dice = (stage.width + 2 * stage.reach) // 4, tall // 4, stage.dice
    mask = Image.new("L", (wide, high))
    draw = ImageDraw.Draw(mask)
    waves = [(dice.uniform(0.6, 2.6), dice.random()) for _ in range(4)]
    for x in range(wide):
        (a, p), (b, q), (c, r), (d, s) = waves
        along = x / wide
        foot = high * (
            0.6 + 0.14 * sin(tau * (a * along + p)) + 0.06 * sin(tau * (2 * b * along + q))
        )
        strength = 0.5 + 0.3 * sin(tau * (c * along + r)) + 0.2 * sin(tau * (9 * d * along + s))
        for step in range(12):
            top = foot - high * 0.5 * (1 - step / 12)
            draw.line((x, top, x, foot), fill=max(0, round(strength * 150 * (step / 12) ** 1.5)))
    soft = mask.filter(ImageFilter.GaussianBlur((1.2, 5)))
    mask = soft.resize((stage.width + 2 * stage.reach, tall), Image.Resampling.BICUBIC)
    fill = gradient((stage.palette.accent, stage.palette.glow, stage.palette.glow), mask.size)
    sway = stage.parallax(0.9)
    return Cutout(fill=fill, mask=mask, at=(-stage.reach, 0), sway=sway, lag=0.25, twinkle=0.3)


def _wing(x: float, y: float, span: float) -> list[Point]:
    lift = abs(span) * 0.45
    upper = [(x, y), (x + span * 0.5, y - lift), (x + span, y - lift * 0.7)]
    return [*upper, (x + span * 0.5, y - lift * 0.72), (x, y + abs(span) * 0.12)]
