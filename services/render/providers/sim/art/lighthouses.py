"""A lighthouse on its headland, with the light it throws."""

from dataclasses import dataclass
from math import cos, exp, sin, tau

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from services.render.providers.sim.art.lands import jagged, ridge
from services.render.providers.sim.art.layers import Layer, Stage, box_at, cut_out
from services.render.providers.sim.art.palettes import Colour, mix
from services.render.providers.sim.art.shapes import Point, Shape, halo

DEPTH = 0.95  #: between the horizon and the foreground
COARSE = 4  #: light is soft: it is drawn this much smaller


@dataclass(frozen=True, kw_only=True)
class Beam:
    """Two shafts of light from a lamp that turns."""

    lamp: Point
    length: float
    colour: Colour
    start: float  #: turns
    sway: float  #: pixels: the lamp's

    def lay(self, canvas: Image.Image, turn: float) -> None:
        towards, far = cos(tau * (turn + self.start)), self.length / COARSE
        x = (self.lamp[0] + self.sway * sin(tau * turn)) / COARSE
        lamp = (x, self.lamp[1] / COARSE)
        light = Image.new("L", (canvas.width // COARSE, canvas.height // COARSE))
        for side, strength in ((towards, 210), (-towards, 90)):
            shaft = Image.new("L", light.size)
            fill = round(strength * abs(towards))
            ImageDraw.Draw(shaft).polygon(_shaft(lamp, far, side), fill=fill)
            light = ImageChops.lighter(light, shaft)
        fading = Image.new("L", light.size)
        worn = halo(round(2.4 * far), 1)
        worn = worn.resize((max(2, round(worn.width * abs(towards))), worn.height))
        left, top = box_at(lamp, worn.size)
        fading.paste(worn, (round(left), round(top)))
        light = ImageChops.multiply(light.filter(ImageFilter.GaussianBlur(1.2)), fading)
        canvas.paste(self.colour, mask=light.resize(canvas.size, Image.Resampling.BICUBIC))


def lighthouse(stage: Stage, x: float, *, left: bool) -> list[Layer]:
    """At x, on a headland that falls to the sea on the right if it is itself on the left."""
    ground = stage.height * 0.63
    tall = stage.height * stage.dice.uniform(0.34, 0.4)
    foot = ground + tall * 0.05
    beam = Beam(
        lamp=(x, foot - tall * 0.875),
        length=max(stage.width, stage.height) * 0.95,
        colour=mix(stage.palette.pale, stage.palette.glow, 0.3),
        start=0.03 if left else 0.53,
        sway=stage.parallax(DEPTH)[0],
    )
    aside = tall * (-0.2 if left else 0.2)
    house = _house(stage, (x + aside, foot), tall * 0.17)
    return [beam, house, _tower(stage, (x, foot), tall), _headland(stage, x, ground, left=left)]


def _shaft(lamp: Point, far: float, towards: float) -> list[Point]:
    (x, y), end = lamp, lamp[0] + far * towards
    spread, rise = far * (0.16 - 0.06 * abs(towards)), far * 0.06
    return [(x, y - 0.4), (end, y - rise - spread), (end, y - rise + spread), (x, y + 0.4)]


def _headland(stage: Stage, x: float, ground: float, *, left: bool) -> Layer:
    across, rough, heights = stage.width + 2 * stage.reach, jagged(stage.dice, 0.5), []
    for place in range(121):
        away = (across * place / 120 - stage.reach - x) / stage.width * (1 if left else -1)
        slope = 1 / (1 + exp((away - 0.2) * 22))
        heights.append(slope * (0.94 + 0.06 * rough[place]) + 0.03 * rough[-place - 1] - 0.03)
    return ridge(stage, heights, ground, stage.height - ground, DEPTH)


def _tower(stage: Stage, foot: Point, tall: float) -> Layer:
    inks, middle = stage.palette, tall / 4
    white, dark = mix(inks.pale, inks.near, 0.12), mix(inks.near, (0, 0, 0), 0.3)
    band = mix(inks.accent, inks.near, 0.1)

    def part(low: float, high: float, below: float, above: float) -> Shape:
        y1, y2 = (1 - low) * tall, (1 - high) * tall
        wide, narrow = below * tall, above * tall
        return [
            (middle - wide, y1),
            (middle - narrow, y2),
            (middle + narrow, y2),
            (middle + wide, y1),
        ]

    shapes = [
        (white, part(0, 0.8, 0.095, 0.059)),
        (band, part(0.16, 0.32, 0.088, 0.081)),
        (band, part(0.48, 0.64, 0.073, 0.066)),
        (dark, part(0.8, 0.825, 0.085, 0.085)),
        (inks.pale, part(0.825, 0.92, 0.042, 0.042)),
        (dark, part(0.92, 0.935, 0.06, 0.06)),
        (dark, part(0.935, 0.99, 0.05, 0.006)),
    ]
    at = (foot[0] - middle, foot[1] - tall)
    return cut_out(shapes, (middle * 2, tall), at, sway=stage.parallax(DEPTH))


def _house(stage: Stage, foot: Point, tall: float) -> Layer:
    inks, wide = stage.palette, tall * 1.5
    wall = mix(inks.pale, inks.near, 0.3)
    walls = [
        (wide * 0.08, tall),
        (wide * 0.08, tall * 0.4),
        (wide * 0.92, tall * 0.4),
        (wide * 0.92, tall),
    ]
    roof = [(0, tall * 0.45), (wide * 0.16, 0), (wide * 0.84, 0), (wide, tall * 0.45)]
    shapes = [(wall, walls), (mix(inks.near, (0, 0, 0), 0.2), roof)]
    for place in (0.25, 0.62):
        a, b, y1, y2 = wide * place, wide * (place + 0.13), tall * 0.55, tall * 0.78
        shapes.append((inks.sun, [(a, y1), (b, y1), (b, y2), (a, y2)]))
    at = (foot[0] - wide / 2, foot[1] - tall)
    return cut_out(shapes, (wide, tall), at, sway=stage.parallax(DEPTH))
