"""A landscape: sky, sun, sea, ridges and a lighthouse; it sways, so that films of it move."""

from dataclasses import dataclass
from math import ceil, sin, tau
from random import Random

from PIL import Image, ImageDraw

from services.render.sim_pictures.palettes import Colour, Palette, mix

Size = tuple[int, int]  #: width, height in pixels
_Point = tuple[float, float]

_SCALE = 2  #: drawn larger and reduced, which smooths the edges
_RIDGES = 4
_STEPS = 96  #: points of a skyline
_REACH = 0.05  #: how far the land goes beyond both edges, as a share of the width, because it sways


@dataclass(frozen=True, kw_only=True)
class Landscape:
    """Elements of a landscape. Lengths are fractions of the width or the height."""

    palette: Palette
    sun: _Point
    sun_radius: float
    horizon: float
    stars: tuple[_Point, ...]
    ridges: tuple[tuple[float, ...], ...]  #: skylines, the farthest first, as heights from the top
    lighthouse: float  #: its place on the nearest ridge

    def draw(self, size: Size, turn: float) -> Image.Image:
        """The landscape at a moment of its turn: from 0 to 1 is once around, so 1 is 0 again."""
        width, height = size[0] * _SCALE, size[1] * _SCALE
        canvas = _gradient(self.palette.sky, (width, height))
        draw = ImageDraw.Draw(canvas)
        wave = sin(tau * turn)
        if self.palette.is_night:
            for x, y in self.stars:
                draw.circle((x * width, y * height), _SCALE, mix(self.palette.sun, (0, 0, 0), 0.2))
        self._draw_sun(draw, width, height, wave)
        self._draw_sea(draw, width, height, wave)
        for number, skyline in enumerate(self.ridges):
            depth = (number + 1) / len(self.ridges)
            shift = depth * _REACH * 0.8 * width * wave
            if number == len(self.ridges) - 1:
                self._draw_lighthouse(draw, width, height, shift)
            colour = mix(self.palette.far, self.palette.near, depth**1.4)
            draw.polygon(_ground(skyline, width, height, shift), fill=colour)
        return canvas.reduce(_SCALE)

    def _draw_sun(self, draw: ImageDraw.ImageDraw, width: int, height: int, wave: float) -> None:
        radius = self.sun_radius * min(width, height)
        middle = (self.sun[0] * width, (self.sun[1] + 0.01 * wave) * height)
        draw.circle(middle, radius * 1.25, mix(self.palette.sky[-2], self.palette.sun, 0.35))
        draw.circle(middle, radius, self.palette.sun)

    def _draw_sea(self, draw: ImageDraw.ImageDraw, width: int, height: int, wave: float) -> None:
        top = self.horizon * height
        draw.rectangle((0, top, width, height), mix(self.palette.sky[-1], self.palette.near, 0.3))
        glint = mix(self.palette.sun, self.palette.sky[-1], 0.3)
        for row in range(9):
            y = top + height * 0.012 * (row + 1) ** 1.3
            half = width * (0.02 + 0.008 * row) * (1 + 0.3 * sin(5 * row))
            x = self.sun[0] * width + width * 0.01 * wave * (-1) ** row
            draw.ellipse((x - half, y, x + half, y + height * 0.004 + row * 0.4), glint)

    def _draw_lighthouse(
        self, draw: ImageDraw.ImageDraw, width: int, height: int, shift: float
    ) -> None:
        place = round((self.lighthouse + _REACH) / (1 + 2 * _REACH) * _STEPS)
        x, foot = self.lighthouse * width + shift, (self.ridges[-1][place] + 0.02) * height
        tall, inks = 0.3 * height, self.palette
        wall = mix(inks.sun, inks.near, 0.12)
        for low, high, wide, colour in (
            (0.0, 0.3, 0.075, wall),
            (0.3, 0.55, 0.066, inks.accent),
            (0.55, 0.8, 0.056, wall),
            (0.8, 0.84, 0.08, inks.near),
            (0.84, 0.93, 0.04, inks.sun),
            (0.93, 1.0, 0.055, inks.near),
        ):
            narrow = wide * (0.86 if high < 0.9 else 0.1)
            bottom, top = foot - low * tall, foot - high * tall
            corners = [(-wide, bottom), (-narrow, top), (narrow, top), (wide, bottom)]
            draw.polygon([(x + offset * tall, y) for offset, y in corners], fill=colour)


def random_landscape(random: Random, palette: Palette) -> Landscape:
    """A landscape in a palette."""
    horizon = random.uniform(0.5, 0.62)
    return Landscape(
        palette=palette,
        sun=(random.uniform(0.2, 0.8), random.uniform(0.2, 0.42)),
        sun_radius=random.uniform(0.07, 0.14),
        horizon=horizon,
        stars=tuple((random.random(), random.random() * horizon) for _ in range(60)),
        ridges=tuple(_skyline(random, horizon, number) for number in range(_RIDGES)),
        lighthouse=random.uniform(0.15, 0.85),
    )


def _skyline(random: Random, horizon: float, number: int) -> tuple[float, ...]:
    """Sums of waves; the nearer a ridge, the lower it begins and the longer its waves are."""
    base = horizon + (0.9 - horizon) * (number + 0.4) / _RIDGES
    waves = [
        (random.uniform(0.5, 1.2) * 2**octave, random.random(), 0.05 / 1.7**octave)
        for octave in range(5)
    ]
    return tuple(
        base + sum(high * sin(tau * (often * step / _STEPS + lag)) for often, lag, high in waves)
        for step in range(_STEPS + 1)
    )


def _ground(skyline: tuple[float, ...], width: int, height: int, shift: float) -> list[_Point]:
    left, reach = -_REACH * width + shift, (1 + 2 * _REACH) * width
    crest = [(left + reach * step / _STEPS, share * height) for step, share in enumerate(skyline)]
    return [(left, height), *crest, (left + reach, height)]


def _gradient(colours: tuple[Colour, ...], size: Size) -> Image.Image:
    """The colours evenly spread from the top row to the bottom row."""
    column = Image.new("RGB", (1, len(colours)))
    column.putdata(colours)
    box = (0, 0.5, 1, len(colours) - 0.5)
    tall = column.resize((1, ceil(size[1])), Image.Resampling.BICUBIC, box=box)
    return tall.resize(size, Image.Resampling.NEAREST)
