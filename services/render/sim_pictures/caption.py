"""Text in a box, in the font that Pillow ships: every prompt fits, whatever its length and script."""

from dataclasses import dataclass
from functools import lru_cache

from anyascii import anyascii
from PIL import ImageDraw, ImageFont

from services.render.sim_pictures.landscape import Size
from services.render.sim_pictures.palettes import Colour

_LEADING = 1.32  #: from line to line, in ems
_MAX = 2_500  #: characters of a text: more than any box holds


@dataclass(frozen=True, kw_only=True)
class Caption:
    """Lines of text at a size in pixels."""

    lines: list[str]
    size: int

    @property
    def height(self) -> float:
        """Pixels."""
        return len(self.lines) * self.size * _LEADING

    def draw(self, draw: ImageDraw.ImageDraw, at: tuple[float, float], colour: Colour) -> None:
        """The upper left corner of the first line at `at`."""
        for number, line in enumerate(self.lines):
            top = at[1] + number * self.size * _LEADING
            draw.text((at[0], top), line, fill=colour, font=_font(self.size))


def fit(text: str, box: Size, largest: float, smallest: float) -> Caption:
    """
    The text in ASCII, as large as the box allows.

    The font knows little more than ASCII, so other scripts are transliterated. What does not fit at
    the smallest size is cut, and ends in "...".
    """
    plain = " ".join(anyascii(text[:_MAX])[:_MAX].split())
    for size in range(round(largest), round(smallest) - 1, -1):
        lines = _lines(plain, box[0], size)
        if len(lines) <= _room(box, size) and all(
            _width(word, size) <= box[0] for word in plain.split()
        ):
            return Caption(lines=lines, size=size)
    size = round(smallest)
    lines, room = _lines(plain, box[0], size), _room(box, size)
    if len(lines) > room:
        lines = [*lines[: room - 1], _with_ellipsis(lines[room - 1], box[0], size)]
    return Caption(lines=lines, size=size)


def _room(box: Size, size: int) -> int:
    return max(1, int(box[1] / (size * _LEADING)))


def _lines(text: str, width: float, size: int) -> list[str]:
    """Lines that are no wider than `width`; a word that is wider is broken."""
    lines = [""]
    for word in text.split():
        for part in _broken(word, width, size):
            longer = f"{lines[-1]} {part}".lstrip()
            if _width(longer, size) <= width:
                lines[-1] = longer
            else:
                lines.append(part)
    return lines


def _broken(word: str, width: float, size: int) -> list[str]:
    parts = [""]
    for letter in word:
        if parts[-1] and _width(parts[-1] + letter, size) > width:
            parts.append("")
        parts[-1] += letter
    return parts


def _with_ellipsis(line: str, width: float, size: int) -> str:
    while line and _width(line + "...", size) > width:
        line = line[:-1]
    return line.rstrip(" ,.;:") + "..."


@lru_cache(maxsize=4096)
def _width(line: str, size: int) -> float:
    return _font(size).getlength(line)


@lru_cache(maxsize=64)
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise OSError("Pillow was built without FreeType.")
    return font
