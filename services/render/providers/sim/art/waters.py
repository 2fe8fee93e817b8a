"""Water: the sea, a still lake, light on the waves, a boat."""

from dataclasses import dataclass
from math import ceil, sin, tau
from random import Random

from PIL import Image, ImageFilter

from services.render.providers.sim.art.layers import Cutout, Layer, Stage, cut_out, faded, opaque
from services.render.providers.sim.art.palettes import Colour, Size, gradient, mix
from services.render.providers.sim.art.shapes import Point, mask_of


@dataclass(frozen=True, kw_only=True)
class Mirror:
    """Still water: what was laid above `shore`, upside down, tinted and rippled."""

    shore: int
    tint: Colour

    def lay(self, canvas: Image.Image, turn: float) -> None:
        width, depth = canvas.width, canvas.height - self.shore
        above = canvas.crop((0, max(0, self.shore - depth), width, self.shore))
        image = above.transpose(Image.Transpose.FLIP_TOP_BOTTOM).resize((width, depth))
        image = image.filter(ImageFilter.BoxBlur((1, 2)))
        image = Image.blend(image, Image.new("RGB", image.size, self.tint), 0.35)
        canvas.paste(image, (0, self.shore))
        row = 0
        while row < depth:
            thick = 2 + row // 24
            strip = image.crop((0, row, width, row + thick))
            shift = (1 + row / 40) * sin(tau * turn + row * 1.9) * sin(row * 0.37)
            canvas.paste(strip, (round(shift), self.shore + row))
            row += thick


def lake(stage: Stage, shore: float) -> Layer:
    """A lake from the shore to the foot of the canvas."""
    return Mirror(shore=round(shore), tint=mix(stage.palette.far, stage.palette.near, 0.5))


def sea(stage: Stage, horizon: float) -> Layer:
    """Water from the horizon to the foot of the canvas."""
    inks = stage.palette
    far = mix(inks.sky[-1], inks.near, 0.3)
    deep = [mix(inks.far, inks.near, share) for share in (0.35, 0.75)]
    size = (stage.width, stage.height - round(horizon))
    return opaque(gradient((far, *deep), size), round(horizon))


def glitter(stage: Stage, x: float, horizon: float, breadth: float) -> list[Layer]:
    """The path of light on the water under the sun: two sets of glints that drift apart."""
    size = (ceil(breadth * 2), ceil(stage.height - horizon))
    fill = Image.new("RGB", size, mix(stage.palette.glow, stage.palette.pale, 0.5))
    at = (round(x - breadth), round(horizon))
    return [
        Cutout(
            fill=fill,
            mask=faded(mask_of(_glints(stage.dice, size), size), 0.8),
            at=at,
            sway=(way * stage.unit, 0),
            lag=lag,
        )
        for way, lag in ((1, 0.0), (-1, 0.2))
    ]


def boat(stage: Stage, at: Point, tall: float) -> Layer:
    """A sailing boat, the middle of its waterline at a point."""
    inks, w, h = stage.palette, tall * 0.9, tall
    jib = [(w * 0.46, h * 0.1), (w * 0.46, h * 0.78), (w * 0.1, h * 0.78)]
    sail = [(w * 0.5, 0), (w * 0.5, h * 0.78), (w * 0.95, h * 0.78), (w * 0.68, h * 0.4)]
    hull = [(w * 0.1, h * 0.84), (w * 0.92, h * 0.84), (w * 0.78, h), (w * 0.22, h)]
    shapes = [
        (inks.near, hull),
        (mix(inks.pale, inks.accent, 0.05), sail),
        (mix(inks.accent, inks.near, 0.1), jib),
    ]
    sway = (stage.unit * 1.5, stage.unit * 0.25)
    return cut_out(shapes, (w, h), (at[0] - w / 2, at[1] - h), sway=sway)


def _glints(dice: Random, size: Size) -> list[list[Point]]:
    glints: list[list[Point]] = []
    y, (width, depth) = 1.0, size
    while y < depth:
        near = y / depth
        for _ in range(2 if near < 0.5 else 3):
            half = dice.uniform(0.04, 0.14) * width * (0.5 + near * 0.5)
            x, thick = width / 2 + dice.gauss(0, 0.09 + 0.06 * near) * width, 0.5 + 1.6 * near
            glints.append([(x - half, y), (x, y - thick), (x + half, y), (x, y + thick)])
        y += 2.5 + 9 * near
    return glints
