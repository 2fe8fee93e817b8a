"""NATS subjects, built and parsed in one place; those of queries stand in their classes."""

from typing import NamedTuple

EVENTS = "events.>"
MONEY = "money.>"  #: budget records, in the stream of the events that they count
BUDGETS = "budget.>"  #: thresholds of budgets that were reached
QUEUE = "queue.>"
QUEUED = "queued.>"  #: what was put on the queue, republished by the server as a hint
STORE = "store.>"
STORE_LANE = "_storage"  #: stands where tickets of other work have their lane; no lane is called so
STORE_QUEUE = f"queue.{STORE_LANE}.>"  #: tickets of rendered jobs that wait for storage
STORE_TURNS = "control.storage.turns"  #: a request that storages with a dispatcher reply to
STORE_PERMIT = "control.storage.place"  #: request for a permit of the workers; kept from 0.1.0
PERMIT_GRANTED = b"granted"  #: the reply: the job may go to the workers, past the queue
STORE_QUEUED = f"queued.{STORE_LANE}.>"  #: the same, republished as a hint
PROGRESS = "progress.>"
RECORD_CHANGED = "control.cancel.*"  #: a record changed; subject kept from 0.1.0
LANE_CAPACITY = "control.room.*"  #: a lane has room; subject kept from 0.1.0
REQUESTS = "requests.*"
REFUSALS = "requests.refused.*"
LOOK_UP = "control.look_up.*"
RATES = "rate.>"
UNREADABLE = "dead.unreadable.*.*"  #: notes about messages that cannot be read
APPLY_RETENTION = "control.clean"  #: apply a project's rules now; subject kept from 0.1.0


def event(project: str, job: str) -> str:
    """Subject of all events of one job."""
    return f"events.{project}.{job}"


def event_of(job: str) -> str:
    """Subject of a job's events if the project is not known."""
    return f"events.*.{job}"


def money(project: str) -> str:
    """The subject of the budget record of a project."""
    return f"money.{project}"


def money_of(project: str, user: str) -> str:
    """The subject of the budget record of a user, by their digest; `*` are those of all."""
    return f"money.{project}.{user}"


def budget(project: str) -> str:
    """The subject of the thresholds that the budget of a project has reached."""
    return f"budget.{project}"


def queue(lane: str, priority: str, project: str, job: str) -> str:
    return f"queue.{lane}.{priority}.{project}.{job}"


def run(lane: str, project: str, job: str) -> str:
    return f"run.{lane}.{project}.{job}"


def runs(lane: str) -> str:
    return f"run.{lane}.>"


def store(project: str, job: str) -> str:
    return f"store.{project}.{job}"


def dead(lane: str, project: str, job: str) -> str:
    return f"dead.{lane}.{project}.{job}"


def unreadable(stream: str, sequence: int) -> str:
    """Subject of the dead letter of an unreadable message."""
    return f"dead.unreadable.{stream}.{sequence}"


def unreadable_of(subject: str) -> tuple[str, int]:
    """Which message a note is about."""
    _, _, stream, sequence = subject.split(".")
    return stream, int(sequence)


def work_of(job: str) -> tuple[str, str, str]:
    """Filters for every message that can be under way for a job."""
    return f"queue.*.*.*.{job}", f"run.*.*.{job}", f"store.*.{job}"


def progress(project: str, job: str) -> str:
    return f"progress.{project}.{job}"


def record_changed(job: str) -> str:
    """A hint that a job's record changed and its worker should look at it."""
    return f"control.cancel.{job}"


def look_up(job: str) -> str:
    """A hint to look up a lost request again."""
    return f"control.look_up.{job}"


def request(project: str) -> str:
    """Subject of job requests."""
    return f"requests.{project}"


def refusal(project: str) -> str:
    """Subject of refusals."""
    return f"requests.refused.{project}"


def rate(name: str, window: int) -> str:
    """The counter of a rate in one window of time."""
    return f"rate.{name}.{window}"


def lane_capacity(lane: str) -> str:
    """A hint that a lane has room for another job."""
    return f"control.room.{lane}"


class JobRef(NamedTuple):
    """Which job a message is about."""

    project: str
    job: str


def parse(subject: str) -> JobRef:
    """The project and job that end a subject."""
    project, job = subject.rsplit(".", 2)[-2:]
    return JobRef(project, job)


def lane_of_run(subject: str) -> str:
    """The lane of a `run.<lane>.<project>.<job>` subject."""
    return subject.split(".", 2)[1]
