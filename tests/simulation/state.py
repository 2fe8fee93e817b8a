"""Everything that is true in the world, whoever knows it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from heliograph.contracts.id_generation import keyed_job_id
from heliograph.contracts.job_steps import Step
from heliograph.contracts.records import Record
from heliograph.runtime.bus.log_entries import LogEntry
from heliograph.testing.slot_claims import MemorySlotClaims
from services.render.settings import RenderSettings
from services.render.worker.wakeups import WakeUps
from services.status.settings import StatusSettings
from services.storage.settings import StorageSettings
from tests.simulation.hosted_provider import Hosted, HostedProvider
from tests.simulation.processes import Process, current, gate
from tests.simulation.scenario import Scenario
from tests.simulation.simulated_bus import Accounts, Events, Index, SimulatedReceiver, Spool, Work
from tests.simulation.virtual_time import clock

PROJECT = "life"
ENDED = frozenset({Step.FAILED, Step.CANCELED, Step.EXPIRED})  #: without success
LATE = 10.0  #: seconds after the submit limit by which a request has arrived, if ever


class Broken(Exception):
    """A promise is not kept."""


class Written(NamedTuple):
    """An event, and the job's one before."""

    entry: LogEntry
    before: LogEntry | None


class ClientResponse(NamedTuple):
    """What a client was told."""

    key: str
    body: str  #: digest of what it asked for
    status: int
    job: str
    again: bool  #: the key had a good response when this was asked


@dataclass(frozen=True)
class Settings:
    """Of all services."""

    render: RenderSettings
    status: StatusSettings
    storage: StorageSettings


@cache
def settings() -> Settings:
    """Defaults, with fewer attempts, and no chance in the pauses between them."""
    return Settings(
        render=RenderSettings(max_attempts=2, max_unanswered=3, backoff_min=0, backoff_max=0),
        status=StatusSettings(),
        storage=StorageSettings(),
    )


@dataclass
class News:
    """What happened in the last act."""

    written: list[Written] = field(default_factory=list)
    paid: list[Hosted] = field(default_factory=list)
    responses: list[ClientResponse] = field(default_factory=list)
    surprises: list[str] = field(default_factory=list)  #: errors that no handler should end in


class State:
    """The servers, the provider, the processes, and what clients were told."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.events = Events(self._on_event, holds=scenario.holds)
        self.work = Work()
        self.slots = MemorySlotClaims(gate)
        self.accounts = Accounts(scenario.places)
        self.provider = HostedProvider(self._lands_until, self._on_paid, self._is_known)
        self.requests = Index(self._is_known)
        self.spool = Spool(self._is_alive)
        self.output_uploader = SimulatedReceiver()
        self.wakeups = WakeUps()  #: of workers that are in one process
        self.processes: dict[str, Process] = {}
        self.stored: set[str] = set()  #: jobs whose bytes are kept
        self.responses: dict[str, ClientResponse] = {}  #: the first good one of each key
        #: by job: keys of the retries in place, and runs that were repeated as the request said
        self.ordered: dict[str, set[str]] = {}
        self.sent: set[int] = set()  #: indexes of the planned requests that were sent
        self.retried: dict[str, tuple[str, str]] = {}  #: label and step of each retry, by key
        self.labels: dict[str, str] = {}  #: keys, by the job they name
        self._jobs: dict[str, str] = {}
        self._records: dict[str, Record] = {}  #: the last one of each job
        self.deaths: dict[str, int] = {}  #: of workers about to write an intent, since a response
        self.news = News()
        self.announced: dict[tuple[str, int], float] = {}  #: times of `submitting`, by job and run
        self.asked: dict[str, float] = {}  #: times of `expire_requested`
        self.ended: dict[str, float] = {}  #: when jobs ended
        self.patience: dict[str, float] = {}  #: since when the reaper waits for workers, by job
        self.running_on: dict[str, float] = {}  #: when it first saw jobs that run on

    def job(self, key: str) -> str:
        """The job that a key names."""
        if key not in self._jobs:
            self._jobs[key] = keyed_job_id(PROJECT, key)
            self.labels[self._jobs[key]] = key
        return self._jobs[key]

    def label(self, job: str) -> str:
        """What people call a job."""
        return self.labels.get(job, job)

    def record(self, job: str) -> Record | None:
        """A job as it stands, at once."""
        return self._records.get(job)

    def steps(self, jobs: Sequence[str]) -> list[Step]:
        """How far some jobs are."""
        return [self._records[job].step for job in jobs]

    def records(self) -> list[Record]:
        return [*self._records.values()]

    def _is_alive(self, process: Process) -> bool:
        return self.processes.get(process.name) is process

    def is_at_it(self, process: Process | None) -> bool:
        """Whether a process still tells the server that it has its message."""
        if process is None or process.is_frozen:
            return False
        return self.processes.get(process.name) is process

    async def hint(self, subject: str, body: bytes = b"") -> None:
        """`Notify`: heard at once by everybody, or by nobody."""
        if subject.startswith("control.cancel.") and not self.scenario.deaf:
            for process in self.processes.values():
                process.wakeups.notify(subject.rsplit(".", 1)[1])

    def _on_event(self, entry: LogEntry, before: LogEntry | None) -> None:
        self.news.written.append(Written(entry, before))
        job, key = entry.body.id, current().key
        if isinstance(entry.body, Record):
            self._records[job] = entry.body
        if isinstance(entry.body, Record) and not entry.body.internal.unanswered:
            is_response = entry.event.name in ("submitted", "rendered", "retry_scheduled")
            self.deaths.update({job: 0} if is_response else {})
        if entry.event.name == "submitting":
            self.announced[job, entry.record.internal.run] = clock()
        if entry.event.name == "expire_requested":
            self.asked[job] = clock()
        if isinstance(entry.body, Record) and entry.body.step.is_final:
            self.ended.setdefault(job, clock())
        if entry.event.name == "retry_scheduled" and key:
            self.ordered.setdefault(job, set()).add(key)
        if entry.event.name == "retry_scheduled" and before and not key and self.scenario.resubmits:
            self._note_resubmission(before.record)

    def _note_resubmission(self, before: Record) -> None:
        """The request said so; of each run, once."""
        if before.step is Step.SUBMIT_UNKNOWN:
            self.ordered.setdefault(before.id, set()).add(f"run {before.internal.run}")

    def _is_known(self, request: str) -> bool:
        """Whether an attempt of any job has a request of the provider's."""
        attempts = (each for record in self.records() for each in record.internal.attempts)
        return any(each.request_id == request for each in attempts)

    def _on_paid(self, hosted: Hosted) -> None:
        self.news.paid.append(hosted)

    def _lands_until(self, job: str, run: int) -> float:
        began = self.announced.get((job, run), clock())
        return began + settings().render.submit_limit + LATE
