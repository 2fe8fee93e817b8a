"""Paints a prompt as a poster: a landscape, and the words beside it."""

from dataclasses import dataclass
from io import BytesIO
from math import sqrt

from PIL import Image

from services.render.providers.sim.art.chance import dice_from
from services.render.providers.sim.art.landscapes import landscape
from services.render.providers.sim.art.layers import Layer, Stage
from services.render.providers.sim.art.pages import Box, Words, print_page
from services.render.providers.sim.art.palettes import Size, pick_palette
from services.render.providers.sim.art.skies import balloons

SHOWN = 8  #: references, at most


@dataclass(frozen=True, kw_only=True)
class Brief:
    """What a picture is made from. The same brief gives the same bytes."""

    prompt: str
    model: str  #: as "sim/picture"
    seed: int
    index: int  #: which of the pictures of one request
    references: tuple[str, ...]  #: digests
    aspect_ratio: str  #: as "16:9"


@dataclass(frozen=True, kw_only=True)
class Poster:
    """Paper with the words on it, and a window in it where the landscape goes."""

    sheet: Image.Image
    window: Box
    layers: list[Layer]

    def view(self, turn: float) -> Image.Image:
        """The landscape alone, at a moment of its turn: 0 to 1, then around again."""
        left, top, right, bottom = self.window
        canvas = Image.new("RGB", (right - left, bottom - top))
        for layer in self.layers:
            layer.lay(canvas, turn)
        return canvas


def paint(brief: Brief) -> bytes:
    """A PNG of `size_of(brief.aspect_ratio)`."""
    poster = compose(brief, size_of(brief.aspect_ratio))
    poster.sheet.paste(_grained(poster.view(0)), poster.window)
    png = BytesIO()
    poster.sheet.save(png, "PNG", compress_level=1)  # grain hardly compresses: more only takes time
    return png.getvalue()


def size_of(aspect_ratio: str) -> Size:
    """Width and height in pixels: about 0.6 megapixels, multiples of 8, exactly in proportion."""
    wide, tall = map(int, aspect_ratio.split(":"))
    scale = 8 * round(sqrt(600_000 / (wide * tall)) / 8)
    return wide * scale, tall * scale


def compose(brief: Brief, size: Size) -> Poster:
    """The poster at a size in pixels. The first reference sets its palette; each adds a balloon."""
    dice = dice_from(*brief.references, brief.prompt, brief.model, brief.seed, brief.index)
    references = brief.references[:SHOWN]
    lent = [pick_palette(dice_from(digest)) for digest in references]
    palette = lent[0] if lent else pick_palette(dice)
    number = f" · {brief.index + 1}" if brief.index else ""
    caption = f"{brief.model} · seed {brief.seed}{number}"
    words = Words(title=brief.prompt, caption=caption, references=references)
    sheet = Image.new("RGB", size, palette.paper)
    left, top, right, bottom = window = print_page(sheet, words, palette)
    stage = Stage(width=right - left, height=bottom - top, palette=palette, dice=dice)
    layers = [*landscape(stage), *balloons(stage, lent)]
    return Poster(sheet=sheet, window=window, layers=layers)


def _grained(picture: Image.Image) -> Image.Image:
    """With a fine grain, which also hides the steps of the gradients."""
    noise = dice_from("grain").randbytes(picture.width * picture.height)
    grain = Image.frombytes("L", picture.size, noise)
    return Image.blend(picture, Image.merge("RGB", (grain, grain, grain)), 0.022)
