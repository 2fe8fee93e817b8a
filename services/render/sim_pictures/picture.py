"""Placeholder pictures: a landscape, and the prompt under it or beside it."""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from math import sqrt

from PIL import Image, ImageDraw

from services.render.sim_pictures.caption import fit
from services.render.sim_pictures.landscape import Landscape, Size, random_landscape
from services.render.sim_pictures.palettes import Palette, mix, pick_palette
from services.render.sim_pictures.seeded_random import seeded_random

_SHOWN = 8  #: references, at most

_Box = tuple[int, int, int, int]  #: left, top, right, bottom, in pixels


@dataclass(frozen=True, kw_only=True)
class PictureSpec:
    """Specification of a picture. The same specification gives the same bytes."""

    prompt: str
    model: str  #: as "sim/picture"
    seed: int
    index: int  #: which of the pictures of one request
    references: tuple[str, ...]  #: digests
    aspect_ratio: str  #: as "16:9"


def draw_png(spec: PictureSpec) -> bytes:
    """A PNG of `size_of(spec.aspect_ratio)`."""
    png = BytesIO()
    drawing(spec, size_of(spec.aspect_ratio))(0).save(png, "PNG", compress_level=1)
    return png.getvalue()


def size_of(aspect_ratio: str) -> Size:
    """Width and height in pixels: about 0.6 megapixels, multiples of 8, exactly in proportion."""
    wide, tall = map(int, aspect_ratio.split(":"))
    scale = 8 * round(sqrt(600_000 / (wide * tall)) / 8)
    return wide * scale, tall * scale


def drawing(spec: PictureSpec, size: Size) -> Callable[[float], Image.Image]:
    """
    The picture at a size in pixels, as a function of the landscape's turn (0 to 1).

    The first reference sets the palette, and each is shown as a disc of its own landscape.
    """
    random = seeded_random(*spec.references, spec.prompt, spec.model, spec.seed, spec.index)
    references = [_reference(digest) for digest in spec.references[:_SHOWN]]
    palette = references[0].palette if references else pick_palette(random)
    landscape = random_landscape(random, palette)
    sheet = Image.new("RGB", size, palette.paper)
    left, top, right, bottom = window = _write(sheet, spec, references, palette)

    def at(turn: float) -> Image.Image:
        sheet.paste(landscape.draw((right - left, bottom - top), turn), window)
        return sheet

    return at


def _reference(digest: str) -> Landscape:
    random = seeded_random(digest)
    return random_landscape(random, pick_palette(random))


def _write(
    sheet: Image.Image, spec: PictureSpec, references: list[Landscape], palette: Palette
) -> _Box:
    """Put prompt, discs and caption on the sheet. Returns the window left for the landscape."""
    unit = sqrt(sheet.width * sheet.height) / 100
    window, (left, top, right, bottom) = _layout(sheet.size, unit)
    small, draw = max(11.0, unit * 1.8), ImageDraw.Draw(sheet)
    caption = fit(_caption(spec), (right - left, 1), small, small * 0.7)
    caption.draw(draw, (left, bottom - caption.height), mix(palette.ink, palette.paper, 0.35))
    disc = round(min(unit * 4, (right - left) / (1.2 * max(1, len(references)))))
    floor = bottom - caption.height - (disc * 1.2 if references else 0)
    for number, landscape in enumerate(references):
        mask = Image.new("L", (disc * 3, disc * 3))
        ImageDraw.Draw(mask).ellipse((0, 0, disc * 3 - 1, disc * 3 - 1), fill=255)
        place = (round(left + number * disc * 1.2), round(floor))
        sheet.paste(landscape.draw((disc, disc), 0), place, mask.reduce(3))
    room = (right - left, round(floor - top - unit))
    fit(spec.prompt, room, unit * 5.2, max(12, unit * 2)).draw(draw, (left, top), palette.ink)
    return window


def _caption(spec: PictureSpec) -> str:
    number = f" / {spec.index + 1}" if spec.index else ""
    return f"{spec.model} / seed {spec.seed}{number}"


def _layout(size: Size, unit: float) -> tuple[_Box, _Box]:
    """The window and the box of the text: beside it on wide paper, else under it."""
    (width, height), margin = size, round(unit * 4.5)
    right, bottom = width - margin, height - margin
    if width / height > 1.6:
        edge = right - round(width * 0.26)
        return (margin, margin, edge, bottom), (edge + margin, margin, right, bottom)
    edge = bottom - round(height * 0.26)
    return (margin, margin, right, edge), (margin, edge + round(margin * 0.7), right, bottom)
