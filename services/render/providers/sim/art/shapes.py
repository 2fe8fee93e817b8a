"""Shapes as polygons, and masks of them with smooth edges."""

from collections.abc import Sequence
from math import cos, sin, tau

from PIL import Image, ImageDraw

from services.render.providers.sim.art.palettes import Size

Point = tuple[float, float]
Shape = Sequence[Point]

FINE = 3  #: edges are drawn this much larger and shrunk, which smooths them


def oval(x: float, y: float, wide: float, tall: float) -> list[Point]:
    """Around (x, y)."""
    angles = [tau * step / 48 for step in range(48)]
    return [(x + wide / 2 * cos(angle), y + tall / 2 * sin(angle)) for angle in angles]


def stroke(start: Point, end: Point, thick: float) -> list[Point]:
    """A straight line."""
    (x1, y1), (x2, y2) = start, end
    length = max(((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5, 0.01)
    dx, dy = (y2 - y1) / length * thick / 2, (x1 - x2) / length * thick / 2
    return [(x1 + dx, y1 + dy), (x2 + dx, y2 + dy), (x2 - dx, y2 - dy), (x1 - dx, y1 - dy)]


def mask_of(shapes: Sequence[Shape], size: Size) -> Image.Image:
    """The shapes in white on black."""
    large = Image.new("L", (size[0] * FINE, size[1] * FINE))
    draw = ImageDraw.Draw(large)
    for shape in shapes:
        draw.polygon([(x * FINE, y * FINE) for x, y in shape], fill=255)
    return large.reduce(FINE)


def halo(across: int, strength: float) -> Image.Image:
    """A round mask that fades from its middle; `strength` up to 1."""
    rim = 181  # what Image.radial_gradient reaches at the middle of its sides
    fading = [round(255 * strength * max(0, 1 - level / rim) ** 2) for level in range(256)]
    round_mask = Image.radial_gradient("L").point(fading)
    return round_mask.resize((across, across), Image.Resampling.BICUBIC)
