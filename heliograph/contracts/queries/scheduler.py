"""Queries that render's scheduler answers: positions in the queue, and the state of lanes."""

from pydantic import Field

from heliograph.contracts.queries import JobQuery, Query
from heliograph.contracts.tolerant_reader import Tolerant


class Position(Tolerant):
    """Queue position of a job; all null when it is not queued."""

    position: int | None = None  #: place in its lane, counted from 1
    eta_seconds: float | None = None  #: until it is rendered, if nothing holds it up
    blocked: str | None = None  #: what it waits for beside its turn


class GetPosition(JobQuery[Position]):
    """Where is a job in the queue? Answered by the dispatcher with `Position`."""

    subject = "query.position.*"


class LaneCapacityHint(Tolerant):
    """A place in a lane is free again, and how long it was taken."""

    job: str | None = None  #: that had it, and needs none in its account any more
    kind: str | None = None  #: of a job that was rendered
    seconds: float = Field(default=0, ge=0, allow_inf_nan=False)


class WaitingProject(Tolerant):
    project: str
    waiting: int


class LaneState(Tolerant):
    """A lane as the dispatcher sees it."""

    name: str
    cap: int
    paused: bool = False
    in_use: int
    waiting: int
    oldest_wait_seconds: float | None = None
    blocked: list[str] = Field(default_factory=list)  #: why accounts of jobs that wait have no room
    projects: list[WaitingProject] = Field(default_factory=list)


class LaneStates(Tolerant):
    lanes: list[LaneState]


class ListLanes(Query[LaneStates]):
    """How are the lanes? Answered by the dispatcher with `LaneStates`."""

    subject = "query.lanes"
