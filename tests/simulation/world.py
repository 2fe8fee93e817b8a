"""The world: takes one action after the other, and looks at every promise in between."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Literal, cast

from heliograph.contracts.errors import ProviderUnavailable, QueueFull, Unavailable
from heliograph.contracts.retry_requests import RetryFrom
from services.render.worker.wakeups import WakeUps
from tests.simulation.actions import Action
from tests.simulation.choices import Choices, message_called
from tests.simulation.clients import Clients
from tests.simulation.descriptions import consequences, in_words
from tests.simulation.faults import AT_PROVIDER
from tests.simulation.hosted_provider import REFUSALS
from tests.simulation.invariants import check_act
from tests.simulation.processes import Afterwards, Process
from tests.simulation.scenario import Scenario, budgets_of
from tests.simulation.state import State
from tests.simulation.virtual_time import clock, everyone_blocks
from tests.simulation.workers import Injected, Workers


class World:
    """One schedule's worth of everything."""

    def __init__(self, scenario: Scenario, story: list[str] | None = None) -> None:
        self.state = State(scenario)
        self.left = budgets_of(scenario)
        self.choices = Choices(self.state, self.left)
        self._workers = Workers(self.state)
        self._clients = Clients(self.state)
        self._begun: dict[str, int] = {}
        self._story = story

    async def apply(self, action: Action) -> None:
        """Let something happen, and everything that follows from it by itself. Raises Broken."""
        name, *about = action
        lines = in_words(self.state, action) if self._story is not None else ""
        if name == "tick":
            await self._tick(*about)
        else:
            getattr(self, "_" + name.replace(" ", "_"))(*about)
            await everyone_blocks()
        if self._story is not None:
            self._story.append(lines + consequences(self.state))
        check_act(self.state)

    async def close(self) -> None:
        """Everybody who is still there dies."""
        for process in list(self.state.processes.values()):
            process.crash()
        await everyone_blocks()

    # -- processes

    def _begin(self, process: Process, work: Coroutine[Any, Any, None]) -> None:
        async def until_the_end() -> None:
            try:
                await work
            except Exception as error:  # noqa: BLE001  # whatever it is, it is news
                self.state.news.surprises.append(f"{process.name}: {error!r}")
            finally:
                self.state.processes.pop(process.name, None)

        self.state.processes[process.name] = process
        process.begin(until_the_end())

    def _number(self, name: str) -> str:
        self._begun[name] = self._begun.get(name, 0) + 1
        return f"{name} #{self._begun[name]}"

    def _step(self, name: str, outcome: str) -> None:
        process = self.state.processes[name]
        if outcome in REFUSALS:
            self._spend("refusals")
        elif outcome.startswith(("silence", "reset")):
            self._spend("silences")
        elif outcome in ("gone", "unread"):
            self._spend("failures")
        elif outcome == "open" and self.left["idle_polls"]:
            self._spend("idle_polls")
        process.step(outcome)

    def _wake(self, name: str) -> None:
        self.state.processes[name].is_frozen = False

    # -- what services do by themselves

    def _deliver(self, kind: str, job: str, n: str) -> None:
        message = message_called(self.state, kind, self.state.job(job), n)
        role = "render" if kind == "run" else "store"
        wakeups = self.state.wakeups if self.state.scenario.together else WakeUps()
        process = Process(self._number(f"{role} {job}"), role, wakeups=wakeups)
        number = self.state.work.deliver(message, process)
        self._begin(process, self._workers.work_on(message, number))

    def _dispatch(self, job: str) -> None:
        work = self._workers.dispatch(self.state.job(job))
        self._begin(Process(f"dispatch {job}", "dispatch"), work)

    def _hurry(self, job: str) -> None:
        self._spend("hastes")
        work = self._workers.dispatch(self.state.job(job))
        self._begin(Process(self._number(f"hurry {job}"), "dispatch"), work)

    def _give_up(self, job: str) -> None:
        work = self._workers.give_up(self.state.job(job))
        self._begin(Process(f"give up {job}", "dispatch"), work)

    def _put_back(self, job: str) -> None:
        work = self._workers.put_back(self.state.job(job))
        self._begin(Process(f"put back {job}", "reap"), work)

    def _complete(self, job: str) -> None:
        work = self._workers.complete(self.state.job(job))
        self._begin(Process(f"complete {job}", "reap"), work)

    def _search(self, job: str) -> None:
        work = self._workers.search(self.state.job(job))
        self._begin(Process(f"search {job}", "render"), work)

    def _expire(self, job: str) -> None:
        work = self._workers.expire(self.state.job(job))
        self._begin(Process(f"expire {job}", "reap"), work)

    def _recover(self) -> None:
        self._begin(Process("recover", "recover"), self._workers.recover())

    def _free(self) -> None:
        self._begin(Process("free", "reap"), self._workers.free())

    def _provider(self, request: str, state: str) -> None:
        if state in ("failed", "spent"):
            self._spend("failures")
        self.state.provider.become(request, state)

    async def _tick(self, seconds: str) -> None:
        self._spend("ticks")
        await asyncio.sleep(float(seconds))
        self.state.provider.let_go(clock())
        self.state.work.sync()

    # -- clients

    def _send(self, index: str) -> None:
        planned = self.state.scenario.planned_requests[int(index)]
        self.state.sent.add(int(index))
        self.state.job(planned.key)
        process = Process(self._number(f"accept {planned}"), "accept", key=planned.key)
        self._begin(process, self._clients.send(planned))

    def _resend(self, index: str) -> None:
        self._spend("resends")
        self._send(index)

    def _cancel(self, job: str, mode: Literal["stop", "detach"] = "stop") -> None:
        self._spend("cancels" if mode == "stop" else "detaches")
        process = Process(self._number(f"{mode} {job}"), "cancel")
        self._begin(process, self._clients.cancel(self.state.job(job), mode))

    def _detach(self, job: str) -> None:
        self._cancel(job, "detach")

    def _retry(self, job: str, from_: str) -> None:
        self._spend("retries")
        key = f"r{len(self.state.retried) + 1}"
        self.state.retried[key] = (job, from_)
        self._ask_again(job, from_, key)

    def _retry_again(self, job: str, from_: str, key: str) -> None:
        self._spend("repeats")
        self._ask_again(job, from_, key)

    def _ask_again(self, job: str, from_: str, key: str) -> None:
        self.state.job(key)
        process = Process(self._number(f"retry {key} of {job}"), "retry", key=key)
        step = cast(RetryFrom | None, from_ or None)
        self._begin(process, self._clients.retry(self.state.job(job), step))

    # -- faults

    def _crash(self, name: str) -> None:
        self._spend("crashes")
        process = self.state.processes.pop(name)
        if process.act and process.act.name == "append" and "submitting" in process.act.about:
            job = process.act.about[0]
            self.state.deaths[job] = self.state.deaths.get(job, 0) + 1
        process.crash()

    def _drain(self, name: str) -> None:
        self._spend("drains")
        self.state.processes[name].wakeups.drain()

    def _freeze(self, name: str) -> None:
        self._spend("freezes")
        self.state.processes[name].is_frozen = True

    def _freeze_afterwards(self, name: str) -> None:
        self._spend("freezes")
        self._step_and(name, "freeze")

    def _outage(self, name: str) -> None:
        self._spend("outages")
        process = self.state.processes[name]
        assert process.act
        if process.act.name in AT_PROVIDER:
            process.fail(ProviderUnavailable())
        elif process.act.name in ("ack", "nak"):
            process.fail(ConnectionError())
        else:
            process.fail(Unavailable())

    def _outage_afterwards(self, name: str) -> None:
        self._spend("outages")
        self._step_and(name, "unavailable")

    def _full(self, name: str) -> None:
        self._spend("fulls")
        self.state.processes[name].fail(QueueFull())

    def _bug(self, name: str) -> None:
        self._spend("bugs")
        self.state.processes[name].fail(Injected())

    def _lose_ack(self, kind: str, job: str, n: str) -> None:
        self._spend("lost_acks")
        self.state.work.forget_ack(self.state.work.acked[int(n)])

    def _half_a_move(self, job: str) -> None:
        self._spend("half_moves")
        self.state.work.forget_move(self.state.job(job))

    def _trim(self, job: str) -> None:
        self._spend("purges")
        self.state.events.trim(self.state.job(job))

    def _compact(self, job: str) -> None:
        self._spend("purges")
        work = self._workers.compact(self.state.job(job))
        self._begin(Process(f"compact {job}", "reap"), work)

    def _step_and(self, name: str, afterwards: Afterwards) -> None:
        process = self.state.processes[name]
        process.afterwards = afterwards
        process.step("")

    def _spend(self, budget: str) -> None:
        self.left[budget] -= 1
