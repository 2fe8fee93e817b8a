"""What can happen by itself: acts, deliveries, rounds, news at the provider, and time."""

from collections.abc import Iterator

from heliograph.contracts.deadlines import AT_PROVIDER
from heliograph.contracts.job_steps import Step
from heliograph.contracts.records import Record
from heliograph.testing.work_queue import Message
from services.status.maintenance import sweep_rules
from tests.simulation.actions import Action
from tests.simulation.client_actions import wants
from tests.simulation.faults import faults
from tests.simulation.hosted_provider import OVER, REFUSALS, SILENCES
from tests.simulation.processes import Act
from tests.simulation.scenario import CAP, Budgets
from tests.simulation.state import ENDED, State, settings
from tests.simulation.virtual_time import clock, now
from tests.support.records import CATALOG

TICKS = ("1", "6", "25", "65")  #: seconds


class Choices:
    """Looks at the world, and changes nothing."""

    def __init__(self, state: State, left: Budgets) -> None:
        self._state = state
        self._left = left

    def everything(self) -> list[Action]:
        return [*self.actions(), *self.clients(), *self.faults()]

    def clients(self) -> list[Action]:
        return [*wants(self._state, self._left)]

    def faults(self) -> list[Action]:
        return [*faults(self._state, self._left)]

    def actions(self) -> list[Action]:
        actions = list(self._steps())
        actions += self._deliveries()
        actions += self._rounds()
        actions += self._at_provider()
        if self._left["ticks"]:
            actions += [("tick", seconds) for seconds in TICKS]
        return actions

    def _steps(self) -> Iterator[Action]:
        for name, process in self._state.processes.items():
            if process.is_frozen:
                yield "wake", name
            elif process.act:
                for outcome in self._outcomes(process.act):
                    yield "step", name, outcome

    def _outcomes(self, act: Act) -> Iterator[str]:
        """How an act may end; nothing while it has to wait for something."""
        match act.name:
            case "submit":
                yield from self._outcomes_of_a_post()
            case "look up":
                yield from self._views(act.about[0], int(act.about[1]))
            case "poll":
                yield from self._news_of(act.about[0])
            case "stop":
                yield from ("canceled", "too late")
            case "fetch":
                yield "bytes"
                if self._left["failures"]:
                    yield from ("gone", "unread")
            case _:
                yield ""

    def _outcomes_of_a_post(self) -> Iterator[str]:
        yield "inline" if self._state.scenario.inline else "accepted"
        if self._left["refusals"]:
            yield from REFUSALS
        if self._left["silences"]:
            for what in ["inline", "lost"] if self._state.scenario.inline else SILENCES:
                yield f"silence: {what}"
                yield f"reset: {what}"

    def _views(self, job: str, run: int) -> Iterator[str]:
        seen = self._state.provider.seen(job, run)
        if seen:
            yield "found"
        if self._state.scenario.inline or not self._state.scenario.authoritative:
            yield "not seen"
        elif not seen:
            yield "absent"

    def _news_of(self, request: str) -> Iterator[str]:
        hosted = self._state.provider.requests[request]
        if hosted.state in OVER:
            yield hosted.state
        elif self._left["idle_polls"] or self._has_changed(request):
            yield "open"

    def _has_changed(self, request: str) -> bool:
        """Whether whoever polls has a reason to look at the record again, or to give up."""
        for record in self._state.records():
            attempts = record.internal.attempts
            if attempts and attempts[-1].request_id == request:
                patience = record.internal.timeout_seconds
                age = (now() - record.internal.changed_at).total_seconds()
                if record.step is not Step.SUBMITTED or record.internal.cancel or age > patience:
                    return True
        return False

    def _deliveries(self) -> Iterator[Action]:
        work = self._state.work
        counts: dict[tuple[str, str], int] = {}
        for message in work.messages:
            n = counts[message.kind, message.job] = counts.get((message.kind, message.job), -1) + 1
            owner = work.owners.get(message)
            if self._state.is_at_it(owner):
                continue
            if owner or self._in_hand(message.kind) < CAP:
                yield "deliver", message.kind, self._state.label(message.job), str(n)

    def _in_hand(self, kind: str) -> int:
        return sum(message.kind == kind for message in self._state.work.owners)

    def _rounds(self) -> Iterator[Action]:
        """Dispatcher and reaper."""
        state, at = self._state, now()
        for job, (_, ticket) in state.work.queue.items():
            steps = state.steps(ticket.after)
            if any(step in ENDED for step in steps):
                yield from self._once("give up", state.label(job))
            if any(step is not Step.SUCCEEDED for step in steps):
                continue
            is_early = ticket.not_before is not None and ticket.not_before > at
            if state.accounts.has_room(job) and not is_early:
                yield from self._once("dispatch", state.label(job))
        for job in state.events.missing():
            yield from self._once("complete", state.label(job))
        for record in state.records():
            if self._is_due(record):
                yield from self._once("expire", state.label(record.id))
            if sweep_rules.needs_work(record) and self._is_forgotten(record):
                yield from self._once("put back", state.label(record.id))
            if record.step is Step.SUBMIT_UNKNOWN and self._may_be_seen(record):
                yield from self._once("search", state.label(record.id))
        if any(map(state.spool.is_abandoned, state.spool.waiting)):
            yield from self._once("recover")
        if state.accounts.names() and any(map(self._needs_no_permit, state.accounts.holders)):
            yield from self._once("free")

    def _is_due(self, record: Record) -> bool:
        """Whether the reaper would do something about a deadline."""
        if not sweep_rules.is_due(record, settings().status.submit_unknown_expires_after):
            return False
        if record.step not in AT_PROVIDER or not record.internal.expire:
            return True
        patience = sweep_rules.max_stop_seconds(record, CATALOG, settings().status)
        return clock() - self._state.patience.get(record.id, -patience) >= patience

    def _once(self, *action: str) -> Iterator[Action]:
        if " ".join(action) not in self._state.processes:
            yield action

    def _may_be_seen(self, record: Record) -> bool:
        return bool(self._state.provider.seen(record.id, record.internal.run))

    def _is_forgotten(self, record: Record) -> bool:
        work = self._state.work
        if not self._is_old(record) or record.id in work.queue:
            return False
        return all(message.job != record.id for message in work.messages)

    def _needs_no_permit(self, job: str) -> bool:
        record = self._state.record(job)
        if record is None or not self._is_old(record):
            return False
        if record.runs_on:
            first = self._state.running_on.get(job)
            return first is None or clock() - first > record.internal.timeout_seconds
        return sweep_rules.needs_no_permit(record)

    def _is_old(self, record: Record) -> bool:
        age = (now() - record.internal.changed_at).total_seconds()
        return age > settings().status.sweep_idle_after

    def _at_provider(self) -> Iterator[Action]:
        for name, hosted in self._state.provider.requests.items():
            if hosted.state == "open":
                yield "provider", name, "done"
                if self._left["failures"]:
                    yield "provider", name, "failed"
                    yield "provider", name, "spent"
            elif hosted.state == "under way":
                yield "provider", name, "open"
                yield "provider", name, "dropped"


def message_called(state: State, kind: str, job: str, n: str) -> Message:
    """The message in a delivery."""
    mine = [each for each in state.work.messages if (each.kind, each.job) == (kind, job)]
    return mine[int(n)]
