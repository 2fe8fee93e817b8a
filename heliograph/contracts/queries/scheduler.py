"""Queries that render's scheduler answers: positions in the queue, and the state of lanes."""

from typing import Literal

from pydantic import AwareDatetime, Field

from heliograph.contracts.queries import JobQuery, Query
from heliograph.contracts.requests import Priority
from heliograph.contracts.tolerant_reader import Tolerant


class Position(Tolerant):
    """Queue position of a job; all null when it is not queued."""

    position: int | None = None  #: place in its lane, counted from 1
    eta_seconds: float | None = None  #: until it is rendered, if nothing holds it up
    blocked: str | None = None  #: what it waits for beside its turn


class GetPosition(JobQuery[Position]):
    """Queue position of a job. Answered by the dispatcher with `Position`."""

    subject = "query.position.*"


#: `turn`: others first, or it starts now; `lane_full`: as many run as may; `delayed`: until a time
WaitReason = Literal[
    "turn", "lane_full", "lane_paused", "account_full", "breaker_open", "delayed", "dependencies"
]


class WaitingJob(Tolerant):
    """A job that waits in a lane, and for what."""

    job: str
    project: str
    priority: Priority
    account: str
    waiting_since: AwareDatetime | None  #: null for one that the next free worker gets
    not_before: AwareDatetime | None  #: of one that is tried again
    position: int | None  #: its turn, counted from 1; null: it has none yet
    before_in_project: int | None  #: jobs of its project that have their turn earlier
    eta_seconds: float | None  #: until it is rendered, if nothing but its turn holds it up
    reason: WaitReason
    detail: str  #: the reason in words


class LaneQueue(Tolerant):
    """The next jobs of a lane, in the order in which they will run if all accounts have room."""

    name: str
    cap: int
    paused: bool
    in_use: int
    waiting: int  #: in all
    items: list[WaitingJob]


class GetLaneQueue(Query[LaneQueue]):
    """Which jobs are next in a lane? Answered by the dispatcher with `LaneQueue`."""

    subject = "query.lanes.queue"

    lane: str
    limit: int = Field(default=50, ge=1, le=500)


class Positions(Tolerant):
    """Queue positions by job. One that is not queued, or too far back to be counted, is missing."""

    positions: dict[str, Position]


class ListPositions(Query[Positions]):
    """Queue positions of some jobs. Answered by the dispatcher with `Positions`."""

    subject = "query.positions"

    jobs: list[str] = Field(max_length=200)


class NewJob(Tolerant):
    """A job that is not there yet."""

    lane: str
    project: str
    priority: Priority
    account: str


class Forecast(Tolerant):
    positions: list[Position]  #: of the jobs, in their order


class ForecastPositions(Query[Forecast]):
    """
    Where would jobs stand if they were enqueued now, in this order? Answered by the dispatcher with
    `Forecast`.
    """

    subject = "query.lanes.forecast"

    jobs: list[NewJob] = Field(max_length=500)


class LaneCapacityHint(Tolerant):
    """A job of a lane has finished, with the seconds that it took."""

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
    #: jobs of projects that the client may not see; 0 in the dispatcher's reply
    waiting_of_others: int = 0


class LaneStates(Tolerant):
    lanes: list[LaneState]


class ListLanes(Query[LaneStates]):
    """State of all lanes. Answered by the dispatcher with `LaneStates`."""

    subject = "query.lanes"
