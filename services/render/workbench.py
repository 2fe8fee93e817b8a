"""What every step of a run works with: the ports, and how facts are written down."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from heliograph.contracts.errors import QueueFull, Unavailable
from heliograph.contracts.facts import Fact
from heliograph.contracts.jobs import IllegalFact
from heliograph.contracts.records import Record, Step
from heliograph.contracts.registry import Registry
from heliograph.runtime.bus import Accounts, Entry, EventLog, LaneLimits, Lost, WorkQueue, advance
from services.render.providers import Provider
from services.render.references import References
from services.render.reporting import Reporter
from services.render.settings import RenderSettings
from services.render.watching import Watch

log = structlog.get_logger()

SOURCE = "heliograph/render"

_AGAIN_AFTER = 0.5  #: seconds between tries to write down what only we know
_AT_PROVIDER = frozenset({Step.SUBMITTING, Step.SUBMIT_UNKNOWN, Step.SUBMITTED})


@dataclass(frozen=True, kw_only=True)
class Workbench:
    """The ports of a worker."""

    events: EventLog
    work: WorkQueue
    accounts: Accounts
    lanes: LaneLimits
    providers: Mapping[str, Provider]
    references: References
    registry: Registry
    reporter: Reporter
    watch: Watch
    settings: RenderSettings

    async def read(self, job: str) -> tuple[Entry, Record] | None:
        """The job as it stands; None for what is no job."""
        entry = await self.events.last(job)
        if entry is None or not isinstance(entry.body, Record):
            return None
        return entry, entry.body

    async def append(self, entry: Entry, fact: Fact) -> Record:
        """Write a fact that anybody could learn. Raises Lost: read again, and follow."""
        return (await advance(self.events, entry, fact, SOURCE)).record

    async def write(self, job: str, run: int, fact: Fact) -> None:
        """
        Write a fact that only this worker knows, again and again, until it is in, or the job is
        over or in another run. Somebody may ask to cancel in between, and the server may be away
        or full.
        """
        while True:
            try:
                found = await self.read(job)
                if found is None or not _is_awaited(found[1], run):
                    log.info("A fact came too late", fact=fact.name, job=job)
                    return
                await self.append(found[0], fact)
                return
            except IllegalFact as error:
                log.warning("A fact does not fit", reason=str(error), job=job)
                return
            except Lost:
                continue
            except (Unavailable, QueueFull):
                await asyncio.sleep(_AGAIN_AFTER)

    def provider(self, record: Record) -> Provider:
        """Who renders the job."""
        return self.providers[record.provider]

    def submit_limit(self, record: Record) -> float:
        """Seconds for the one POST of an attempt: more where the answer comes with the outputs."""
        model = self.registry.models.get(record.model)
        answers_within = model.answers_within if model else None
        return max(self.settings.submit_limit, answers_within or 0.0)


def _is_awaited(record: Record, run: int) -> bool:
    return record.internal.run == run and record.step in _AT_PROVIDER
