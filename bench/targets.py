"""The targets of a run as a table: what was measured against each, and which were missed."""

import sys
from collections.abc import Iterator
from pathlib import Path

from bench.figures import Figure, number, read
from bench.tables import peer_column, target_column


def print_targets(file: Path) -> None:
    """Print the figures of a run that have a target."""
    _, figures = read(file)
    aimed = [figure for figure in figures if figure.target is not None]
    sys.stdout.write("\n".join(_lines(aimed)) + "\n")


def _lines(figures: list[Figure]) -> Iterator[str]:
    yield "| Benchmark | What | Measured | Target | Against |"
    yield "|---|---|---|---|---|"
    for figure in figures:
        measured = f"{number(figure.value)} {figure.unit}"
        target, peer = target_column(figure), peer_column(figure)
        yield f"| {figure.bench} | {figure.what} | {measured} | {target} | {peer} |"
    missed = sum(not figure.is_met for figure in figures)
    yield f"\n{len(figures)} targets: {len(figures) - missed} met, {missed} missed"
