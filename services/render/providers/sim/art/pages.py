"""The printed page: a window for the picture, the words, and a stamp for each reference."""

from dataclasses import dataclass
from math import sqrt

from PIL import Image

from services.render.providers.sim.art.chance import dice_from
from services.render.providers.sim.art.lettering import Setting, fit, write
from services.render.providers.sim.art.palettes import Palette, Size, gradient, mix, pick_palette
from services.render.providers.sim.art.shapes import mask_of, oval

Box = tuple[int, int, int, int]  #: left, top, right, bottom, in pixels


@dataclass(frozen=True, kw_only=True)
class Words:
    """What the page says."""

    title: str
    caption: str
    references: tuple[str, ...]  #: digests


def print_page(sheet: Image.Image, words: Words, inks: Palette) -> Box:
    """Put the words on the sheet; the window they leave."""
    unit = _unit(sheet.size)
    small, stamp = max(11.0, unit * 1.8), unit * 3.8 if words.references else 0
    window, box, title = _arranged(sheet.size, words.title, small * 2 + stamp * 1.7)
    left, top, right, bottom = box
    write(sheet, title, (left, top), inks.ink)
    caption = fit(words.caption, (right - left, 1), small, small * 0.7)
    at = (left, bottom - caption.size * 1.05)
    write(sheet, caption, at, mix(inks.ink, inks.paper, 0.35))
    step = min(stamp * 1.25, (right - left) / max(1, len(words.references)))
    for number, digest in enumerate(words.references):
        emblem, mask = _emblem(digest, round(step * 0.8))
        sheet.paste(emblem, (round(left + number * step), round(at[1] - stamp * 1.25)), mask)
    return window


def _arranged(size: Size, text: str, below: float) -> tuple[Box, Box, Setting]:
    """Window, box of the words, and title; `below` is kept free under the title."""
    unit, choices = _unit(size), _layouts(size)
    for window, box in choices:
        room = (box[2] - box[0], round(box[3] - box[1] - below))
        title = fit(text, room, unit * 5.2, max(12, unit * 2))
        if title.size >= unit * 3.4 or window == choices[-1][0]:
            break
    return window, box, title


def _layouts(size: Size) -> list[tuple[Box, Box]]:
    """
    The window, and the box of the words: beside it on wide paper, else under it.

    From the one with the least room for words to the one with the most.
    """
    (width, height), margin = size, round(_unit(size) * 4.5)
    right, bottom = width - margin, height - margin
    if width / height > 1.6:
        edges = [right - round(width * share) for share in (0.2, 0.24, 0.3)]
        return [
            ((margin, margin, edge, bottom), (edge + margin, margin, right, bottom))
            for edge in edges
        ]
    edges = [bottom - round(height * share) for share in (0.15, 0.2, 0.26, 0.33)]
    gap = round(margin * 0.7)
    return [((margin, margin, right, edge), (margin, edge + gap, right, bottom)) for edge in edges]


def _emblem(digest: str, across: int) -> tuple[Image.Image, Image.Image]:
    """A tiny round landscape that stands for a reference, and its mask."""
    dice, size = dice_from(digest), (across, across)
    inks = pick_palette(dice)
    picture, wide = gradient(inks.sky, size), across * dice.uniform(0.25, 0.4)
    sun = oval(across * dice.uniform(0.3, 0.7), across * 0.42, wide, wide)
    picture.paste(inks.sun, mask=mask_of([sun], size))
    for colour, y in ((mix(inks.far, inks.near, 0.3), 0.66), (inks.near, 0.92)):
        hill = oval(across * dice.random(), across * (y + 0.4), across * 1.7, across * 0.9)
        picture.paste(colour, mask=mask_of([hill], size))
    return picture, mask_of([oval(across / 2, across / 2, across, across)], size)


def _unit(size: Size) -> float:
    """A hundredth of the side of a square of the same area, in pixels."""
    return sqrt(size[0] * size[1]) / 100
