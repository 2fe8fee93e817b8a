"""
Subscriptions of a live connection: division of jobs among them, and their cursors.

Nothing here waits or sends: frames in, events out.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from heliograph.client_errors import RequestRejected
from heliograph.contracts.jobs import Job
from heliograph.contracts.problems import Problem
from heliograph.contracts.progress import ProgressReport

MAX_JOBS = 300  #: of a subscription, and as many ids as fit a frame
MAX_SUBSCRIPTIONS = 100  #: of a connection

Frame = dict[str, Any]

#: called with the number of events that were missed and are here now; None: a snapshot came instead
CaughtUpCallback = Callable[[int | None], None]


@dataclass(frozen=True)
class ResumeCursor:
    """Cursor of the last event that a client received: sequence, and epoch of the event log."""

    epoch: str
    sequence: int


@dataclass(frozen=True)
class LiveEvent:
    """
    A job event, or (`snapshot`) the job at the start of following.

    `cursor` is where to continue another time; it is null for progress, which is not an event, and
    while a snapshot is not complete. Of more than 300 jobs it is the place that all are past, so
    that some events are sent again from there.
    """

    kind: Literal["snapshot", "event", "progress"]
    about: str  #: id of the job
    job: Job | None = None  #: as it now stands; null for progress
    type: str | None = None  #: of an event, as `heliograph.job.started.v1`
    report: ProgressReport | None = None  #: of progress
    cursor: ResumeCursor | None = None


@dataclass
class _Subscription:
    """
    Some of the jobs, or all of a project.

    `shown` are jobs that a snapshot showed later than the sequence it is of, as its pages are read
    one by one: a client that comes back to that sequence is sent their events once more.
    """

    id: int
    jobs: Sequence[str]
    after: ResumeCursor | None
    epoch: str = ""
    shown: dict[str, int] = field(default_factory=dict)
    missed: int | None = None  #: events that were sent again; null: a snapshot was
    is_behind: bool = True  #: what was missed, or the snapshot, is still being sent

    def subscribe(self, project: str) -> Frame:
        frame: Frame = {"op": "subscribe", "id": self.id, "project": project}
        if self.jobs:
            frame["jobs"] = list(self.jobs)
        if self.after:
            frame["after"] = {"epoch": self.after.epoch, "sequence": self.after.sequence}
        return frame

    def is_news(self, job: str, sequence: int) -> bool:
        """Whether an event is later than what a snapshot showed of its job."""
        if sequence <= self.shown.get(job, 0):
            return False
        self.shown.pop(job, None)
        return True


class Subscriptions:
    """
    Subscriptions of one connection, across reconnects.

    Args:
        caught_up: Called when nothing is missing any more, see `following`.
    """

    def __init__(
        self,
        project: str,
        jobs: Sequence[str],
        after: ResumeCursor | None,
        *,
        caught_up: CaughtUpCallback | None = None,
    ) -> None:
        parts = divided(jobs, MAX_JOBS) if jobs else [()]
        self._project = project
        self._caught_up = caught_up
        self._all = {n: _Subscription(n, part, after) for n, part in enumerate(parts, start=1)}

    def frames(self) -> list[Frame]:
        """Frames to send on a new connection."""
        return [each.subscribe(self._project) for each in self._all.values()]

    def read(self, frame: Frame) -> Iterator[LiveEvent]:
        """
        Events of a frame.

        Raises:
            RequestRejected: The service rejected a frame or one of the subscriptions.
        """
        if frame["op"] == "error":
            raise RequestRejected(Problem.model_validate(frame["problem"]))
        if frame["op"] == "progress":
            names = ProgressReport.model_fields
            report = ProgressReport.model_validate({name: frame[name] for name in names})
            yield LiveEvent("progress", report.job, report=report)
        subscription = self._all.get(frame.get("id", 0))
        if subscription is None:
            return
        match frame["op"]:
            case "subscribed":
                subscription.epoch = frame["epoch"]
                subscription.missed, subscription.is_behind = frame.get("missed"), True
            case "caught_up":
                subscription.after = ResumeCursor(subscription.epoch, frame["sequence"])
                subscription.is_behind = False
                self._note_caught_up()
            case "snapshot":
                yield from self._snapshot(subscription, frame)
            case "event":
                yield from self._event(subscription, frame)

    def _snapshot(self, subscription: _Subscription, frame: Frame) -> Iterator[LiveEvent]:
        jobs = [Job.model_validate(job) for job in frame["jobs"]]
        newer = {job.id: job.sequence for job in jobs if (job.sequence or 0) > frame["sequence"]}
        subscription.shown |= {job: sequence for job, sequence in newer.items() if sequence}
        # only behind the last job of the last page is the snapshot complete
        for job in jobs[:-1] if not frame["more"] else jobs:
            yield LiveEvent("snapshot", job.id, job)
        if not frame["more"]:
            subscription.after = ResumeCursor(subscription.epoch, frame["sequence"])
            for job in jobs[-1:]:
                yield LiveEvent("snapshot", job.id, job, cursor=self._cursor())

    def _event(self, subscription: _Subscription, frame: Frame) -> Iterator[LiveEvent]:
        job = Job.model_validate(frame["job"])
        subscription.after = ResumeCursor(subscription.epoch, frame["sequence"])
        if subscription.is_news(job.id, frame["sequence"]):
            yield LiveEvent("event", job.id, job, frame["type"], cursor=self._cursor())

    def _note_caught_up(self) -> None:
        """Report it once none of the subscriptions is behind."""
        if self._caught_up and not any(each.is_behind for each in self._all.values()):
            counts = [each.missed for each in self._all.values()]
            known = [count for count in counts if count is not None]
            self._caught_up(sum(known) if len(known) == len(counts) else None)

    def _cursor(self) -> ResumeCursor | None:
        """The cursor that all subscriptions have passed."""
        places = [each.after for each in self._all.values()]
        known = [place for place in places if place]
        if len(known) < len(places) or len({place.epoch for place in known}) > 1:
            return None
        return min(known, key=lambda place: place.sequence)


def divided(items: Sequence[str], size: int) -> list[Sequence[str]]:
    """Parts of so many items, in order."""
    return [items[start : start + size] for start in range(0, len(items), size)]
