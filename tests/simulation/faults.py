"""What may go wrong next, with a process or with the server."""

from collections.abc import Iterator

from heliograph.contracts.job_steps import Step
from tests.simulation.actions import Action
from tests.simulation.processes import Process
from tests.simulation.scenario import Budgets
from tests.simulation.state import State

AT_PROVIDER = frozenset({"submit", "poll", "stop", "look up"})
_NEVER_AWAY = frozenset({"submit", "answer", "hear back", "fetch"})
_NEVER_WRONG = frozenset({"answer", "hear back", "ack", "nak"})
_BOUNDED = frozenset({"append", "enqueue", "publish store", "claim slot"})  #: may find no room
_BUGGY = frozenset({"render", "store"})  #: roles whose handlers get another chance


def faults(state: State, left: Budgets) -> Iterator[Action]:
    """Everything that may go wrong now."""
    for process in state.processes.values():
        yield from _faults_of(process, state, left)
    yield from _forgotten_work(state, left)
    if left["purges"]:
        for record in state.records():
            label = state.label(record.id)
            if len(state.events.of(record.id)) > 1:
                yield "trim", label
            is_new = record.compacted_at is None and f"compact {label}" not in state.processes
            if record.step.is_final and is_new:
                yield "compact", label


def _faults_of(process: Process, state: State, left: Budgets) -> Iterator[Action]:
    act, scenario = process.act.name if process.act else "", state.scenario
    if left["drains"] and process.role == "render" and not scenario.together:
        yield "drain", process.name
    if left["crashes"] and act in (scenario.crash_at or (act,)):
        yield "crash", process.name
    if not act or process.is_frozen:
        return
    if left["freezes"] and act in (scenario.freeze_at or (act,)):
        yield "freeze", process.name
        if act == "append":
            yield "freeze afterwards", process.name
    yield from _errors_in(process, act, left)


def _errors_in(process: Process, act: str, left: Budgets) -> Iterator[Action]:
    if left["outages"] and act not in _NEVER_AWAY:
        yield "outage", process.name
        if act == "append":
            yield "outage afterwards", process.name
    if left["fulls"] and act in _BOUNDED:
        yield "full", process.name
    if left["bugs"] and process.role in _BUGGY and act not in _NEVER_WRONG:
        yield "bug", process.name


def _forgotten_work(state: State, left: Budgets) -> Iterator[Action]:
    work = state.work
    if left["lost_acks"]:
        for n, message in enumerate(work.acked):
            if message not in work.messages:
                yield "lose ack", message.kind, state.label(message.job), str(n)
    if left["hastes"]:
        for job, (_, ticket) in work.queue.items():
            if any(step is not Step.SUCCEEDED for step in state.steps(ticket.after)):
                yield "hurry", state.label(job)
    if left["half_moves"]:
        for job in work.moved:
            if job not in work.queue:
                yield "half a move", state.label(job)
