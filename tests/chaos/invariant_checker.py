"""
The judge of a storm. It compares what its witnesses say: the clients' journal, the event log, the store,
the providers' own records, and the read model.
"""

import asyncio
import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import httpx
import nats

from deploy.local.readiness import until_ready
from heliograph.contracts.catalog import Catalog
from heliograph.contracts.errors import Poison
from heliograph.contracts.job_steps import Step
from heliograph.contracts.records import Record
from heliograph.contracts.state_machine.charges import counted
from heliograph.runtime.bus.budget_audit import Audit, audit_budgets
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.log_entries import LogEntry
from tests.chaos import external_checks
from tests.chaos.external_checks import Payment
from tests.chaos.inline_provider import InlineRequest
from tests.chaos.journal import Journal, Signal
from tests.chaos.quiescence import by_job, read_log
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT

_SETTLED_WITHIN = 20.0  #: seconds in which the last ends are settled
_CUT_OFF = "timeout graceful shutdown exceeded"  # a request that outlasted the drain of a gateway
FINAL_NAMES = ("succeeded", "failed", "canceled", "expired")
_AFTER_AN_END = frozenset({"attempt_completed", "compacted", "pruned"})
_TO_DISK = 2.0  #: seconds from a response until it is in the spool, at most
_WITH_A_WORKER = frozenset({Step.STARTED, Step.SUBMITTING, Step.SUBMITTED})


@dataclass
class Verdict:
    """What is wrong, by the check that noticed it, and some figures."""

    findings: dict[str, list[str]]
    figures: dict[str, object]

    @property
    def wrong(self) -> dict[str, list[str]]:
        return {check: wrong for check, wrong in self.findings.items() if wrong}

    def summary(self) -> str:
        """One line."""
        counts = [f"{len(wrong)} {check}" for check, wrong in self.findings.items()]
        return f"{self.figures['jobs']} jobs: {', '.join(counts)}"


async def judge(
    stack: Stack,
    journal: Journal,
    catalog: Catalog,
    inline_requests: Sequence[InlineRequest] = (),
) -> Verdict:
    """
    Compare the witnesses.

    Args:
        inline_requests: Those that a provider accepted which answers with its pictures.
    """
    async with asyncio.timeout(TIMEOUT):  # it, or S3, may have been killed just now
        await until_ready(stack.url("storage"))
    log = await read_log(stack)
    last = {e.body.id: e.body for e in log if isinstance(e.body, Record)}
    payments = external_checks.sim_payments(stack) + external_checks.inline_payments(
        inline_requests, log
    )
    misfiled, orphans = await asyncio.to_thread(external_checks.misfiled, stack, last)
    findings = {
        "lost": lost(journal, log),
        "double finals": ended_twice(log),
        "double pay": paid_twice(payments, log),
        "wrong bills": external_checks.wrong_bills(payments, last),
        "wrong budgets": await wrong_budgets(stack, payments, last),
        "lost responses": lost_responses(journal.signals, inline_requests, last),
        "over the cap": over_the_cap(log, catalog),
        "slots shared": slots_shared(log),
        "gaps": gaps(journal, log),
        "missing pictures": await missing_pictures(stack, log) + misfiled,
        "misread": await external_checks.misread(stack, log),
        "buried": dead_lettered(last),
        "bugs": bugs(stack),
    }
    ends = Counter(e.event.name for e in log if e.event.name in FINAL_NAMES)
    figures = {
        "jobs": len(last),
        "asked": len(journal.requests),
        "tries": sum(request.tries for request in journal.requests),
        "events": len(log),
        "ends": dict(ends),
        "faults": dict(Counter(journal.faults)),
        "reconnects": journal.reconnects,
        "seen": sum(len(seen.sequences) for seen in journal.seen),
        "responses": len(inline_requests),
        "responses that a restart waited for": len(waited_for(journal.signals, inline_requests)),
        "objects left by jobs that did not succeed": orphans,
    }
    return Verdict(findings, figures)


def lost(journal: Journal, log: list[LogEntry]) -> list[str]:
    """Every request that was answered with a job has one, and it ended. One key, one job."""
    jobs = by_job(log)
    wrong = []
    for request in journal.requests:
        if request.job is None:
            if request.refusal is None:
                wrong.append(f"{request.key} was never answered")
            continue
        events = jobs.get(request.job, [])
        if not events or events[0].event.name != "accepted":
            wrong.append(f"{request.job} was promised and is not in the log")
        elif not _is_over(events[-1]):
            wrong.append(f"{request.job} hangs after {events[-1].event.name}")
    ids_by_key: dict[tuple[str, str], set[str]] = defaultdict(set)
    for request in journal.requests:
        if request.job:
            ids_by_key[request.project, request.key].add(request.job)
    wrong += [f"key {key} made {ids}" for key, ids in ids_by_key.items() if len(ids) > 1]
    return wrong


def ended_twice(log: list[LogEntry]) -> list[str]:
    """Exactly one final event, and after it only what changes nothing of how the job ended."""
    wrong = []
    for job, events in by_job(log).items():
        names = [each.event.name for each in events]
        finals = [number for number, name in enumerate(names) if name in FINAL_NAMES]
        if len(finals) > 1:
            wrong.append(f"{job} ended as {[names[number] for number in finals]}")
        if finals and not set(names[finals[0] + 1 :]) <= _AFTER_AN_END:
            wrong.append(f"{job} went on after its end: {names}")
    return wrong


def _is_over(event: LogEntry) -> bool:
    return isinstance(event.body, Record) and event.body.step.is_final


def paid_twice(payments: Sequence[Payment], log: list[LogEntry]) -> list[str]:
    """At most one paid request per attempt; and, as nobody asked for more, per job."""
    wrong = []
    jobs = by_job(log)
    for (job, run), count in Counter((each.job, each.run) for each in payments).items():
        if count > 1:
            wrong.append(f"{job} was paid {count} times in run {run}")
    for job, count in Counter(each.job for each in payments).items():
        if count > 1 + times_asked_again(jobs.get(job, [])):
            wrong.append(f"{job} was paid {count} times")
    for payment in payments:
        runs = [
            attempt.run
            for each in jobs.get(payment.job, [])
            if isinstance(each.body, Record) and each.event.name == "submitting"
            for attempt in each.body.internal.attempts[-1:]
        ]
        if payment.run not in runs:
            wrong.append(f"{payment.job} was paid in run {payment.run}, the log knows {runs}")
    paid = {payment.job for payment in payments if payment.price}
    for job, events in jobs.items():
        last = events[-1].body
        if isinstance(last, Record) and last.charged == "no" and job in paid:
            wrong.append(f"{job} says it was not charged, and it was")
        if isinstance(last, Record) and last.charged == "yes" and job not in paid:
            wrong.append(f"{job} says it was charged, and it was not")
    return wrong


async def wrong_budgets(
    stack: Stack, payments: Sequence[Payment], last: Mapping[str, Record]
) -> list[str]:
    """
    Every balance is what the jobs make, nothing is held, and what providers know to be paid is spent;
    nothing else is, but what may have been paid.
    """
    client = await nats.connect(stack.bundled_nats)
    try:
        audits = await settled_audits(JetStream(client))
    finally:
        await client.close()
    wrong = [each.summary() for each in audits if each.differences]
    for audit in audits:
        total = audit.budget.running("total")
        jobs = [each for each in last.values() if each.project == audit.project]
        paid = sum(each.price for each in payments if last[each.job].project == audit.project)
        in_doubt = sum(counted(each) for each in jobs if each.charged == "unknown")
        if total.held:
            wrong.append(f"{audit.project} holds {total.held}")
        if not paid <= total.spent <= paid + in_doubt:
            wrong.append(
                f"{audit.project} spent {total.spent}; {paid} is paid, {in_doubt} in doubt"
            )
    return wrong


async def settled_audits(jetstream: JetStream) -> list[Audit]:
    """The audits of all budgets, once no job that ended holds anything; or at the end of the time."""
    end = asyncio.get_running_loop().time() + _SETTLED_WITHIN
    while True:
        audits = await audit_budgets(jetstream)
        is_settled = all(each.budget.running("total").held == 0 for each in audits)
        if is_settled or asyncio.get_running_loop().time() > end:
            return audits
        await asyncio.sleep(0.5)


def times_asked_again(events: list[LogEntry]) -> int:
    """How often somebody decided that a job may be paid once more."""
    last = events[-1].body if events else None
    return len(last.internal.retries) if isinstance(last, Record) else 0


def lost_responses(
    signals: Sequence[Signal], requests: Sequence[InlineRequest], last: Mapping[str, Record]
) -> list[str]:
    """
    Every answer is waited for and kept, unless render was killed or stood still before it was on
    disk: a restart is no reason, nor is anything that happens to others. What the provider lost is in
    doubt.
    """
    wrong = []
    jobs = {attempt.prompt: r for r in last.values() for attempt in r.internal.attempts}
    for request in requests:
        record = jobs.get(request.prompt)
        if record is None or _is_struck(signals, request, _sent_at(record, request)):
            continue
        is_right = {
            "answered": _has_outputs(record),
            "lost": record.charged == "unknown",
        }
        if not is_right.get(request.end or ""):
            end = f"is {record.step}, charged {record.charged}"
            wrong.append(f"{record.id}, whose answer was {request.end}, {end}")
    return wrong


def waited_for(signals: Sequence[Signal], requests: Sequence[InlineRequest]) -> list[InlineRequest]:
    """Those that were in flight when render was told to restart, and that it could wait for."""
    restarts = [each for each in signals if _is_of_render(each) and each.sort == "restart"]
    return [
        request
        for request in requests
        if request.end == "answered"
        and any(request.at < restart.began < (request.ended_at or 0) for restart in restarts)
        and not _is_struck(signals, request, request.at)
    ]


def _sent_at(record: Record, request: InlineRequest) -> float:
    """When its process began to send it. A busy provider sees it later, even after that process was killed."""
    intents = [
        attempt.submitting_at.timestamp()
        for attempt in record.internal.attempts
        if attempt.prompt == request.prompt and attempt.submitting_at
    ]
    return max((each for each in intents if each <= request.at), default=request.at)


def _is_struck(signals: Sequence[Signal], request: InlineRequest, sent_at: float) -> bool:
    """Whether render was killed, or stood still, between a request and its response on disk."""
    until = (request.ended_at or request.due_at) + _TO_DISK
    return any(
        each.sort != "restart" and each.began < until and each.ended > sent_at
        for each in signals
        if _is_of_render(each)
    )


def _is_of_render(signal: Signal) -> bool:
    return signal.process.partition("-")[0] == "render"


def _has_outputs(record: Record) -> bool:
    """A picture; or, where somebody stopped the job, outputs that a free retry finds."""
    if record.step is Step.SUCCEEDED:
        return bool(record.assets)
    is_stopped = record.step in (Step.CANCELED, Step.EXPIRED)
    return is_stopped and record.charged == "yes" and bool(record.internal.outputs)


def over_the_cap(log: list[LogEntry], catalog: Catalog) -> list[str]:
    """No lane ever had more jobs with workers than its cap."""
    wrong = []
    working: dict[str, set[str]] = defaultdict(set)
    for each in log:
        record = each.body
        if not isinstance(record, Record):
            continue
        lane = working[record.lane]
        (lane.add if record.step in _WITH_A_WORKER else lane.discard)(record.id)
        if len(lane) > catalog.lanes[record.lane].cap:
            wrong.append(f"lane {record.lane} had {len(lane)} jobs at sequence {each.sequence}")
    return wrong


def slots_shared(log: list[LogEntry]) -> list[str]:
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


def gaps(journal: Journal, log: list[LogEntry]) -> list[str]:
    """
    What a client saw after a snapshot is what the log has after it: all, once, in order. Events that
    a later page of the snapshot had in it may come again to a client that came back, or not.
    """
    wrong = []
    shown: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for each in log:
        if isinstance(each.body, Record):
            shown[each.body.project].append((each.sequence, each.body.id))
    for seen in journal.seen:
        if not seen.sequences:
            continue
        last = seen.sequences[-1]
        own = [(s, job) for s, job in shown[seen.project] if seen.after < s <= last]
        known = {s for s, job in own if s <= seen.newer.get(job, 0)}
        expected = [s for s, _ in own if s not in known]
        heard = [s for s in seen.sequences if s not in known]
        if heard != expected:
            missing = sorted(set(expected) - set(heard))
            twice = [s for s, n in Counter(heard).items() if n > 1]
            wrong.append(f"a client of {seen.project} missed {missing}, had twice {twice}")
    return wrong


def dead_lettered(last: Mapping[str, Record]) -> list[str]:
    """No job ended because something broke: all that broke came back."""
    return [
        f"{job} was buried"
        for job, record in last.items()
        if record.error and record.error.code == Poison.code
    ]


def bugs(stack: Stack) -> list[str]:
    """Errors that nobody expected, as the services logged them."""
    return [
        f"{name}: {line['event']}: {line['exception'].splitlines()[-1]}"
        for name in stack.processes
        for line in stack.logs(name)
        if "exception" in line and _CUT_OFF not in line["exception"]
    ]


async def missing_pictures(stack: Stack, log: list[LogEntry]) -> list[str]:
    """Every asset of every job that succeeded can be fetched, and has its digest."""
    last = {job: events[-1].body for job, events in by_job(log).items()}
    places = asyncio.Semaphore(8)
    async with httpx.AsyncClient(base_url=stack.url("storage"), timeout=TIMEOUT) as http:

        async def check(name: str, sha256: str) -> str | None:
            async with places:
                response = await http.get(f"/v1/assets/{name}/content", follow_redirects=True)
            digest = hashlib.sha256(response.content).hexdigest()
            return None if digest == sha256 else f"{name} is not what was stored"

        checks = [
            check(asset.id, asset.sha256)
            for record in last.values()
            if isinstance(record, Record) and record.step is Step.SUCCEEDED
            for asset in record.assets
        ]
        return [reason for reason in await asyncio.gather(*checks) if reason]
