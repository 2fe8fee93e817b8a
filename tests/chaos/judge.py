"""
The judge of a storm. It believes four witnesses and compares what they say: the clients' journal, the
event log, the store, and the sim provider's own records.
"""

import asyncio
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import httpx
import nats

from heliograph.contracts.records import Record, Step
from heliograph.contracts.registry import Registry
from heliograph.runtime.bus import Entry
from heliograph.runtime.bus.events import STREAM, entry
from heliograph.runtime.bus.jetstream import JetStream
from tests.chaos.journal import Journal
from tests.support.stack import Stack

FINAL_NAMES = ("succeeded", "failed", "canceled", "expired")
_WITH_A_WORKER = frozenset({Step.STARTED, Step.SUBMITTING, Step.SUBMITTED})


@dataclass
class Verdict:
    """What is wrong; nothing, one hopes. And some figures."""

    wrong: list[str] = field(default_factory=list)
    figures: dict[str, object] = field(default_factory=dict)


async def read_log(stack: Stack) -> list[Entry]:
    """Every event there is, in order."""
    client = await nats.connect(f"nats://127.0.0.1:{stack.ports['nats']}")
    try:
        log = [entry(stored) async for stored in JetStream(client).every(STREAM, "events.>")]
    finally:
        await client.close()
    return log


async def judge(stack: Stack, journal: Journal, registry: Registry) -> Verdict:
    """Compare the witnesses."""
    log = await read_log(stack)
    verdict = Verdict()
    verdict.wrong += lost(journal, log)
    verdict.wrong += ended_twice(log)
    verdict.wrong += paid_twice(stack, journal, log)
    verdict.wrong += over_the_cap(log, registry)
    verdict.wrong += slots_shared(log)
    verdict.wrong += gaps(journal, log)
    verdict.wrong += await missing_pictures(stack, log)
    ends = Counter(e.event.name for e in log if e.event.name in FINAL_NAMES)
    verdict.figures = {
        "asked": len(journal.asked),
        "tries": sum(asked.tries for asked in journal.asked),
        "events": len(log),
        "ends": dict(ends),
        "faults": dict(Counter(journal.faults)),
        "reconnects": journal.reconnects,
        "seen": sum(len(seen.sequences) for seen in journal.seen),
    }
    return verdict


def by_job(log: Iterable[Entry]) -> dict[str, list[Entry]]:
    """The events of each job, in order."""
    jobs: dict[str, list[Entry]] = defaultdict(list)
    for each in log:
        jobs[each.body.id].append(each)
    return jobs


def lost(journal: Journal, log: list[Entry]) -> list[str]:
    """Every request that was answered with a job has one, and it ended. One key, one job."""
    jobs = by_job(log)
    wrong = []
    for asked in journal.asked:
        if asked.job is None:
            if asked.refusal is None:
                wrong.append(f"{asked.key} was never answered")
            continue
        events = jobs.get(asked.job, [])
        if not events or events[0].event.name != "accepted":
            wrong.append(f"{asked.job} was promised and is not in the log")
        elif events[-1].event.name not in FINAL_NAMES:
            wrong.append(f"{asked.job} hangs after {events[-1].event.name}")
    answers: dict[tuple[str, str], set[str]] = defaultdict(set)
    for asked in journal.asked:
        if asked.job:
            answers[asked.project, asked.key].add(asked.job)
    wrong += [f"key {key} made {ids}" for key, ids in answers.items() if len(ids) > 1]
    return wrong


def ended_twice(log: list[Entry]) -> list[str]:
    """Exactly one final event, and nothing after it."""
    wrong = []
    for job, events in by_job(log).items():
        names = [each.event.name for each in events]
        finals = [name for name in names if name in FINAL_NAMES]
        if len(finals) > 1:
            wrong.append(f"{job} ended as {finals}")
        if finals and names[-1] not in FINAL_NAMES:
            wrong.append(f"{job} went on after its end: {names}")
    return wrong


def paid_twice(stack: Stack, journal: Journal, log: list[Entry]) -> list[str]:
    """At most one paid request per attempt; and, as nobody asked for more, per job."""
    wrong = []
    jobs = by_job(log)
    projects = {asked.project for asked in journal.asked}
    records = [record for project in projects for record in stack.ledger(project)]
    for job, count in Counter(record.job for record in records).items():
        if count > 1:
            wrong.append(f"{job} was paid {count} times")
    for record in records:
        runs = [
            attempt.run
            for each in jobs.get(record.job, [])
            if isinstance(each.body, Record) and each.event.name == "submitting"
            for attempt in each.body.internal.attempts[-1:]
        ]
        if record.run not in runs:
            wrong.append(f"{record.job} was paid in run {record.run}, the log knows {runs}")
    paid = {record.job for record in records if record.price != "0"}
    for job, events in jobs.items():
        last = events[-1].body
        if isinstance(last, Record) and last.charged == "no" and job in paid:
            wrong.append(f"{job} says it was not charged, and it was")
        if isinstance(last, Record) and last.charged == "yes" and job not in paid:
            wrong.append(f"{job} says it was charged, and it was not")
    return wrong


def over_the_cap(log: list[Entry], registry: Registry) -> list[str]:
    """No lane ever had more jobs with workers than its cap."""
    wrong = []
    working: dict[str, set[str]] = defaultdict(set)
    for each in log:
        record = each.body
        if not isinstance(record, Record):
            continue
        lane = working[record.lane]
        (lane.add if record.step in _WITH_A_WORKER else lane.discard)(record.id)
        if len(lane) > registry.lanes[record.lane].cap:
            wrong.append(f"lane {record.lane} had {len(lane)} jobs at sequence {each.sequence}")
    return wrong


def slots_shared(log: list[Entry]) -> list[str]:
    """No slot ever had two jobs that were not final."""
    wrong = []
    open_jobs: dict[tuple[str, str], set[str]] = defaultdict(set)
    slot_of: dict[str, tuple[str, str]] = {}
    for each in log:
        record = each.body
        if not isinstance(record, Record):
            continue
        if record.id in slot_of:
            open_jobs[slot_of.pop(record.id)].discard(record.id)
        if record.slot and not record.step.is_final:
            slot = (record.project, record.slot)
            slot_of[record.id] = slot
            open_jobs[slot].add(record.id)
            if len(open_jobs[slot]) > 1:
                wrong.append(f"slot {slot} had {open_jobs[slot]} at {each.sequence}")
    return wrong


def gaps(journal: Journal, log: list[Entry]) -> list[str]:
    """What a client saw after a snapshot is what the log has after it: all, once, in order."""
    wrong = []
    shown: dict[str, list[int]] = defaultdict(list)
    for each in log:
        if isinstance(each.body, Record):
            shown[each.body.project].append(each.sequence)
    for seen in journal.seen:
        if not seen.sequences:
            continue
        last = seen.sequences[-1]
        expected = [s for s in shown[seen.project] if seen.after < s <= last]
        if seen.sequences != expected:
            missing = sorted(set(expected) - set(seen.sequences))
            twice = [s for s, n in Counter(seen.sequences).items() if n > 1]
            wrong.append(f"a client of {seen.project} missed {missing}, had twice {twice}")
    return wrong


async def missing_pictures(stack: Stack, log: list[Entry]) -> list[str]:
    """Every asset of every job that succeeded can be fetched, and has its digest."""
    last = {job: events[-1].body for job, events in by_job(log).items()}
    places = asyncio.Semaphore(8)
    async with httpx.AsyncClient(base_url=stack.url("storage"), timeout=20) as http:

        async def check(name: str, sha256: str) -> str | None:
            async with places:
                answer = await http.get(f"/v1/assets/{name}/content", follow_redirects=True)
            found = hashlib.sha256(answer.content).hexdigest()
            return None if found == sha256 else f"{name} is not what was stored"

        checks = [
            check(asset.id, asset.sha256)
            for record in last.values()
            if isinstance(record, Record) and record.step is Step.SUCCEEDED
            for asset in record.assets
        ]
        return [reason for reason in await asyncio.gather(*checks) if reason]
