"""Progress of fal requests: the last log lines, which fal itself forgets."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cachetools import LRUCache

from heliograph.contracts.progress import LogLine, Progress

_KEPT_LINES = 20
_KEPT_REQUESTS = 1000
_PERCENT = re.compile(r"(\d{1,3})%\|")  #: as progress bars print it


@dataclass
class _RequestLog:
    lines: dict[tuple[datetime, str], LogLine] = field(default_factory=dict)
    percent: int | None = None


class ProgressLog:
    """Log lines of the requests that this process polls (LRU). Losing one only costs log lines."""

    def __init__(self) -> None:
        self._requests: LRUCache[str, _RequestLog] = LRUCache(_KEPT_REQUESTS)

    def update(self, request_id: str, logs: Sequence[Any]) -> Progress:
        """
        Progress of a request from its current log. Known lines count once,
        and are kept though fal no longer shows them.
        """
        log = self._requests.setdefault(request_id, _RequestLog())
        for line in filter(None, map(_line, logs)):
            log.lines.setdefault((line.at, line.message), line)
        for key in sorted(log.lines)[:-_KEPT_LINES]:
            del log.lines[key]
        lines = [log.lines[key] for key in sorted(log.lines)]
        percents = [int(match[1]) for line in lines for match in _PERCENT.finditer(line.message)]
        if percents:
            log.percent = max(log.percent or 0, min(99, percents[-1]))
        basis = "provider" if log.percent is not None else None
        return Progress(percent=log.percent, basis=basis, logs=lines)


def place_in_queue(position: object) -> int | None:
    """Queue position of a request; None if it is not a valid number."""
    return position if isinstance(position, int) and position >= 0 else None


def _line(entry: Any) -> LogLine | None:
    """A line of the log; None for any other value."""
    try:
        at, message = datetime.fromisoformat(entry["timestamp"]), str(entry["message"])
    except (KeyError, TypeError, ValueError):
        return None
    return LogLine(at=at if at.tzinfo else at.replace(tzinfo=UTC), message=message)
