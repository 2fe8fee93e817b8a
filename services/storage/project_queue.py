"""
Fair queue between projects: the one with the fewest permits is next, round robin among equals. Pure.
"""

from collections import OrderedDict, deque
from collections.abc import Mapping
from typing import Generic, TypeVar

Piece = TypeVar("Piece")


class RoundRobinQueue(Generic[Piece]):
    """Queues of items, one for each project, served in turns by `next`."""

    def __init__(self) -> None:
        self._lines: OrderedDict[str, deque[Piece]] = OrderedDict()

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    def add(self, project: str, piece: Piece) -> None:
        """Append a piece to the queue of its project."""
        self._lines.setdefault(project, deque()).append(piece)

    def next(self, in_use: Mapping[str, int], share: int) -> tuple[str, Piece] | None:
        """
        Take out the piece whose turn it is; None when no project may have one.

        That is the first piece of the project with the fewest permits; of several, the one whose turn
        was longest ago.

        Args:
            in_use: Permits of each project.
            share: Permits that one project may have.
        """
        able = (project for project in self._lines if in_use.get(project, 0) < share)
        project = min(able, key=lambda project: in_use.get(project, 0), default=None)
        if project is None:
            return None
        line = self._lines[project]
        piece = line.popleft()
        self._lines.move_to_end(project)
        if not line:
            del self._lines[project]
        return project, piece

    def remove(self, project: str, piece: Piece) -> None:
        """Remove a piece. Does nothing if it does not wait."""
        line = self._lines.get(project)
        if line and piece in line:
            line.remove(piece)
            if not line:
                del self._lines[project]


def share_of(permits: int) -> int:
    """Share of permits that one project may hold: never all, where there are several."""
    return max(1, permits - max(1, permits // 4))
