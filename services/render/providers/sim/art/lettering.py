"""Sets text in a box: every prompt fits, whatever its length and its script."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from math import sqrt

from PIL import Image, ImageDraw, ImageFont

from services.render.providers.sim.art.marks import BELOW, MARKS, Line, rune
from services.render.providers.sim.art.palettes import Colour, Size
from services.render.providers.sim.art.shapes import Point, mask_of, stroke
from services.render.providers.sim.art.spelling import GLYPHS, legible

LEADING = 1.32  #: from line to line, in ems
READ = 2500  #: characters of a text: more than any box holds


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Lines of text at the size (pixels) they are to be drawn."""

    lines: list[str]
    size: int

    @property
    def height(self) -> float:
        """Pixels."""
        return len(self.lines) * self.size * LEADING


def fit(text: str, box: Size, largest: float, smallest: float) -> Setting:
    """As large as the box allows; what does not fit even at the smallest size gives way to "…"."""
    words = legible(" ".join(text.split())[:READ]).split()
    promising = 1.3 * sqrt(2 * box[0] * box[1] / (1 + sum(map(len, words))))
    size = round(max(smallest, min(largest, promising)))
    while True:
        whole = all(_length(word, size) <= box[0] for word in words)
        lines = _wrapped(words, box[0], size)
        room = max(1, int(box[1] / (size * LEADING)))
        if len(lines) <= room and (whole or size <= smallest):
            return Setting(lines=lines, size=size)
        if size <= smallest:
            last = _with_ellipsis(lines[room - 1], box[0], size)
            return Setting(lines=[*lines[: room - 1], last], size=size)
        size -= 1


def write(canvas: Image.Image, setting: Setting, at: Point, colour: Colour) -> None:
    """Draw the lines, the upper left corner of the first at `at`."""
    for number, line in enumerate(setting.lines):
        top = at[1] + number * setting.size * LEADING
        mask = _line_mask(line, setting.size)
        canvas.paste(colour, (round(at[0]), round(top) - _headroom(setting.size)), mask)


def _wrapped(words: list[str], width: float, size: int) -> list[str]:
    lines: list[str] = []
    line, used, space = "", 0.0, _advance(" ", size)
    for word in words:
        for part in _broken(word, width, size):
            wide = _length(part, size)
            if line and used + space + wide > width:
                lines.append(line)
                line, used = "", -space
            line, used = f"{line} {part}".lstrip(), used + space + wide
    return [*lines, line]


def _broken(word: str, width: float, size: int) -> list[str]:
    """A word that is longer than the line, in parts that are not."""
    if _length(word, size) <= width:
        return [word]
    parts, used = [""], 0.0
    for letter in word:
        wide = _advance(letter, size)
        if parts[-1] and used + wide > width:
            parts.append("")
            used = 0.0
        parts[-1] += letter
        used += wide
    return parts


def _with_ellipsis(line: str, width: float, size: int) -> str:
    while line and _length(line + "…", size) > width:
        line = line[:-1]
    return line.rstrip(" ,.;:") + "…"


def _length(line: str, size: int) -> float:
    return sum(_advance(piece, size) for piece in _PIECES.findall(line))


@lru_cache(maxsize=8192)
def _advance(piece: str, size: int) -> float:
    letters = _parts(piece)[0]
    return _font(size).getlength(letters) if letters[0] in GLYPHS else 0.95 * size


def _line_mask(line: str, size: int) -> Image.Image:
    """White on black, with room for the marks above capitals."""
    mask = Image.new("L", (round(_length(line, size) + size), _headroom(size) + round(1.5 * size)))
    x = 0.0
    for piece in _PIECES.findall(line):
        letters, marks = _parts(piece)
        if letters[0] in GLYPHS:
            _put_letters(mask, letters, marks, x, size)
        else:
            _put_strokes(mask, rune(letters), (x + 0.45 * size, _headroom(size) + 0.6 * size), size)
        x += _advance(piece, size)
    return mask


def _put_letters(mask: Image.Image, text: str, marks: str, x: float, size: int) -> None:
    font, top = _font(size), _headroom(size)
    draw = ImageDraw.Draw(mask)
    draw.text((x, top), text, fill=255, font=font)
    if not marks:
        return
    dotted = text in "ij"
    _, high, _, low = font.getbbox("x" if dotted else text)
    middle = x + _advance(text, size) / 2
    if dotted:
        draw.rectangle((x, 0, x + _advance(text, size), top + high - 1), fill=0)
    for mark in marks:
        y = low + 0.02 * size if mark in BELOW else high - 0.13 * size
        _put_strokes(mask, MARKS.get(mark, []), (middle, top + y), size)


def _put_strokes(mask: Image.Image, lines: list[Line], middle: Point, size: int) -> None:
    (x, y), side = middle, size // 2 + 2
    left, top = round(x) - side, round(y) - side
    shapes = [
        stroke(
            (x - left + x1 * size, y - top + y1 * size),
            (x - left + x2 * size, y - top + y2 * size),
            size * 0.08,
        )
        for x1, y1, x2, y2 in lines
    ]
    drawn = mask_of(shapes, (2 * side, 2 * side))
    mask.paste(255, (left, top), drawn)


def _parts(piece: str) -> tuple[str, str]:
    """A run of glyphs; or one letter, and the marks on it."""
    if len(piece) > 1:
        return piece, ""
    letters = unicodedata.normalize("NFD", piece)
    return (letters[0], letters[1:]) if letters[0] in GLYPHS else (piece, "")


def _headroom(size: int) -> int:
    return round(0.3 * size)


@lru_cache(maxsize=64)
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise OSError("Pillow was built without FreeType.")
    return font


_PIECES = re.compile(f"[{re.escape(''.join(sorted(GLYPHS)))}]+|.", re.DOTALL)
