"""What the bundled font lacks, as strokes: accents, and runes for the characters of other scripts."""

from services.render.providers.sim.art.chance import dice_from

Line = tuple[float, float, float, float]  #: from x, y to x, y, in ems around the middle


def rune(character: str) -> list[Line]:
    """A sign of its own for a character: one stem, three strokes."""
    dice = dice_from("rune", character)
    columns, rows = (-0.3, 0.0, 0.3), (-0.36, 0.0, 0.36)
    stem = dice.choice(columns)
    lines = [(stem, rows[0], stem, rows[-1])]
    for _ in range(3):
        (x1, x2), (y1, y2) = dice.sample(columns, 2), dice.choices(rows, k=2)
        lines.append((x1, y1, x2, y2))
    return lines


BELOW = {"\u0323", "\u0327", "\u0328"}  #: marks that hang under their letter
MARKS: dict[str, list[Line]] = {
    "\u0300": [(-0.09, -0.08, 0.05, 0.04)],
    "\u0301": [(0.09, -0.08, -0.05, 0.04)],
    "\u0302": [(-0.12, 0.04, 0.01, -0.07), (-0.01, -0.07, 0.12, 0.04)],
    "\u0303": [(-0.15, 0.02, -0.07, -0.05), (-0.08, -0.05, 0.08, 0.02), (0.07, 0.02, 0.15, -0.05)],
    "\u0304": [(-0.13, -0.01, 0.13, -0.01)],
    "\u0306": [(-0.12, -0.07, -0.04, 0.03), (-0.05, 0.03, 0.05, 0.03), (0.04, 0.03, 0.12, -0.07)],
    "\u0307": [(-0.045, -0.01, 0.045, -0.01)],
    "\u0308": [(-0.15, -0.01, -0.06, -0.01), (0.06, -0.01, 0.15, -0.01)],
    "\u030a": [
        (-0.08, -0.1, 0.08, -0.1),
        (-0.08, 0.06, 0.08, 0.06),
        (-0.08, -0.1, -0.08, 0.06),
        (0.08, -0.1, 0.08, 0.06),
    ],
    "\u030b": [(0.01, -0.08, -0.09, 0.04), (0.15, -0.08, 0.05, 0.04)],
    "\u030c": [(-0.12, -0.07, 0.01, 0.04), (-0.01, 0.04, 0.12, -0.07)],
    "\u0323": [(-0.045, 0.08, 0.045, 0.08)],
    "\u0327": [(0.0, 0.0, 0.04, 0.1), (0.05, 0.12, -0.07, 0.15)],
    "\u0328": [(0.08, 0.0, 0.02, 0.1), (0.02, 0.12, 0.12, 0.14)],
}
