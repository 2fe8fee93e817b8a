"""Progress of fal requests: the last log lines, which fal itself forgets."""

import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from heliograph.contracts.records import LogLine, Progress

_KEPT_LINES = 20
_KEPT_REQUESTS = 1000
_PERCENT = re.compile(r"(\d{1,3})%\|")  #: as progress bars print it


@dataclass
class _Story:
    lines: dict[tuple[datetime, str], LogLine] = field(default_factory=dict)
    percent: int | None = None


class ProgressLog:
    """What this process heard of the requests it follows. Losing one only costs log lines."""

    def __init__(self) -> None:
        self._stories: OrderedDict[str, _Story] = OrderedDict()

    def update(self, request_id: str, logs: Sequence[Any]) -> Progress:
        """
        How far a request is, with what its log says now. Lines that were heard before count once,
        and are kept though fal no longer shows them.
        """
        story = self._story(request_id)
        for line in filter(None, map(_line, logs)):
            story.lines.setdefault((line.at, line.message), line)
        for key in sorted(story.lines)[:-_KEPT_LINES]:
            del story.lines[key]
        lines = [story.lines[key] for key in sorted(story.lines)]
        percents = [int(found[1]) for line in lines for found in _PERCENT.finditer(line.message)]
        if percents:
            story.percent = max(story.percent or 0, min(99, percents[-1]))
        basis = "provider" if story.percent is not None else None
        return Progress(percent=story.percent, basis=basis, logs=lines)

    def _story(self, request_id: str) -> _Story:
        story = self._stories.setdefault(request_id, _Story())
        self._stories.move_to_end(request_id)
        if len(self._stories) > _KEPT_REQUESTS:
            self._stories.popitem(last=False)
        return story


def place_in_queue(position: object) -> int | None:
    """How many requests are before one; None if that is no number."""
    return position if isinstance(position, int) and position >= 0 else None


def _line(entry: Any) -> LogLine | None:
    """A line of the log; None for what is none."""
    try:
        at, message = datetime.fromisoformat(entry["timestamp"]), str(entry["message"])
    except (KeyError, TypeError, ValueError):
        return None
    return LogLine(at=at if at.tzinfo else at.replace(tzinfo=UTC), message=message)
