"""Round robin between the projects of one priority. Pure."""

import heapq
from bisect import bisect_left
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from heliograph.contracts.queue_entries import Ticket

HasRoom = Callable[[str], bool]  #: whether an account has room for another job


@dataclass(frozen=True, order=True, slots=True)
class QueuedJob:
    """A message in the queue."""

    sequence: int
    ticket: Ticket = field(compare=False)
    since: datetime = field(compare=False)


class RoundRobin:
    """The projects of one priority; the first one is next. Each has a line per account."""

    def __init__(self) -> None:
        self._projects: OrderedDict[str, dict[str, deque[QueuedJob]]] = OrderedDict()
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, waiting: QueuedJob) -> None:
        lines = self._projects.setdefault(waiting.ticket.project, {})
        line = lines.setdefault(waiting.ticket.account, deque())
        if line and waiting < line[-1]:  # it was announced late, was delayed, or was requeued
            line.insert(bisect_left(line, waiting), waiting)
        else:
            line.append(waiting)
        self._size += 1

    def next(self, has_room: HasRoom) -> QueuedJob | None:
        """The first job, in order of turns, whose account has room."""
        for project, lines in self._projects.items():
            heads = [line[0] for account, line in lines.items() if has_room(account)]
            if heads:
                self._projects.move_to_end(project)
                return self.remove(min(heads))
        return None

    def remove(self, waiting: QueuedJob) -> QueuedJob:
        """Take a job out, wherever it is."""
        project, account = waiting.ticket.project, waiting.ticket.account
        lines = self._projects[project]
        lines[account].remove(waiting)
        if not lines[account]:
            del lines[account]
        if not lines:
            del self._projects[project]
        self._size -= 1
        return waiting

    def turns_before(self, waiting: QueuedJob) -> int:
        """Number of jobs of this ring with an earlier turn."""
        lines = self._projects[waiting.ticket.project].values()
        place = sum(bisect_left(line, waiting) for line in lines)
        mine = list(self._projects).index(waiting.ticket.project)
        turns = 0
        for index, others in enumerate(self._projects.values()):
            size = sum(map(len, others.values()))
            turns += min(size, place + 1 if index < mine else place)
        return turns

    def turns(self) -> Iterator[QueuedJob]:
        """All jobs in order of turns, if every account has room."""
        projects = deque(heapq.merge(*lines.values()) for lines in self._projects.values())
        while projects:
            line = projects.popleft()
            if waiting := next(line, None):
                yield waiting
                projects.append(line)

    def first(self) -> QueuedJob | None:
        """The job that waits longest."""
        heads = (line[0] for lines in self._projects.values() for line in lines.values())
        return min(heads, default=None)

    def sizes(self) -> Counter[str]:
        """Jobs waiting, by project."""
        return Counter({p: sum(map(len, lines.values())) for p, lines in self._projects.items()})
