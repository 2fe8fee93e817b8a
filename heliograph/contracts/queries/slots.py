"""Queries for slots and their versions, answered by status."""

from typing import Any

from heliograph.contracts.progress import ProgressReport
from heliograph.contracts.queries import Query
from heliograph.contracts.tolerant_reader import Tolerant


class OccupiedSlots(Tolerant):
    """The job of each requested slot; slots that are missing here are empty."""

    jobs: dict[str, str]  #: slot -> the job that is making a version, or made the latest


class FindOccupiedSlots(Query[OccupiedSlots]):
    """
    Which of these slots have a version or are being filled? Answered by status with `OccupiedSlots`,
    including everything in the log.
    """

    subject = "query.slots.filled"

    project: str
    slots: list[str]


class JobView(Tolerant):
    """A record of the read model without its `internal`."""

    sequence: int
    job: dict[str, Any]


class SlotVersion(Tolerant):
    """A version of a slot: a job that succeeded."""

    number: int  #: counted from 1
    made_by: JobView


class SlotState(Tolerant):
    """A slot, as a page has to draw it."""

    slot: str
    versions: int  #: how many there are
    current: SlotVersion | None
    active: JobView | None
    report: ProgressReport | None  #: how far the active job is
    failures: list[JobView]  #: since the last success, the newest first


class SlotPage(Tolerant):
    """Slots as they stood after an event. `next` continues the list, null at its end."""

    epoch: str
    sequence: int
    items: list[SlotState]
    next: str | None = None


class ListSlots(Query[SlotPage]):
    """Slots of a project, by name. Answered by status with `SlotPage`."""

    subject = "query.slots.list"

    project: str
    prefix: str = ""
    cursor: str | None = None  #: the last slot of the page before
    limit: int = 200


class SlotHistory(Tolerant):
    """A slot with some of its versions. `next` continues those, null at their end."""

    epoch: str
    sequence: int
    state: SlotState | None  #: null when no job was ever for the slot
    versions: list[SlotVersion]
    next: int | None = None


class GetSlot(Query[SlotHistory]):
    """One slot, with its versions. Answered by status with `SlotHistory`."""

    subject = "query.slots.get"

    project: str
    slot: str
    after: int = 0  #: versions after this number
    limit: int = 200
    settled: bool = False  #: read-your-writes: the reply includes everything in the log
