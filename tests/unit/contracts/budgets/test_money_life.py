"""
The life of money: whatever happens in whatever order, every balance is what the jobs make, and no user costs
more than their limit. Each safeguard that is taken away is found out.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import count
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from heliograph.contracts.budgets import settlement
from heliograph.contracts.budgets import users as user_budgets
from heliograph.contracts.budgets.admission import cost_to_hold
from heliograph.contracts.budgets.balances import (
    JobBalance,
    differences,
    recounted,
    user_differences,
)
from heliograph.contracts.budgets.pending import PendingEvent
from heliograph.contracts.budgets.plans import plan_of, release_plan, with_part_taken
from heliograph.contracts.budgets.record import BudgetLimits, BudgetRecord, opened, rolled
from heliograph.contracts.budgets.refusals import check_cost
from heliograph.contracts.budgets.settlement import settle
from heliograph.contracts.cloudevents import EventEnvelope
from heliograph.contracts.errors import OverBudget, Unavailable
from heliograph.contracts.holds import Hold
from heliograph.contracts.id_generation import new_job_id
from heliograph.contracts.job_events import (
    AttemptCompleted,
    Canceled,
    Failed,
    JobEvent,
    RetryScheduled,
    Started,
    Submitting,
    SubmitUnknown,
)
from heliograph.contracts.job_steps import Step
from heliograph.contracts.jobs import Cost
from heliograph.contracts.records import Record
from heliograph.contracts.state_machine import apply
from heliograph.contracts.user_digests import user_digest
from tests.support.records import PROBLEM, a_record

BEGAN = datetime(2026, 11, 29, 20, 0, tzinfo=UTC)
JOB = a_record(project="demo")
LIMITS = BudgetLimits.model_validate({"total": "9", "user": {"day": "1", "month": "2"}})
NAMES = ("alice", "bob")

pick = st.integers(min_value=0, max_value=99)
user = st.sampled_from((*NAMES, None))
price = st.sampled_from(("0", "0.25", "0.5"))


def with_hold(job: Record, held: Hold | None) -> Record:
    internal = job.internal.model_copy(update={"reserved": held})
    return job.model_copy(update={"internal": internal})


class Event(NamedTuple):
    """An event of a job in the log."""

    sequence: int
    name: str
    job: Record


def _settled(budgets: user_budgets.BudgetRecords, event: Event) -> user_budgets.BudgetRecords:
    return user_budgets.settle_job(budgets, *event)


class MoneyLife(RuleBasedStateMachine):
    """A project with users: what the log has of it, and the budgets."""

    def __init__(self) -> None:
        super().__init__()
        self.at = BEGAN
        self.head = 1
        self.project = opened("demo", LIMITS, "UTC", BEGAN, since=1)
        self.users: dict[str, BudgetRecord] = {}
        self.log: list[Event] = []
        self.batches: dict[str, list[Record]] = {}
        self.numbers = count()  #: of batches: two of one name would be one request

    @rule(user=user, price=price)
    def accept(self, user: str | None, price: str) -> None:
        self._hold(self._new(user, price), "accepted")

    @rule(price=st.sampled_from(("0.25", "0.5")))
    def hold_alone(self, price: str) -> None:
        """The record is stored, and the first event of the job is not."""
        job = self._new(None, price)
        holders = [job]

        def change(budgets: user_budgets.BudgetRecords) -> user_budgets.BudgetRecords:
            after, holders[0] = user_budgets.hold_job(budgets, job, job.cost, self.at)
            return after

        if self._change(change):
            event = EventEnvelope.of("accepted", holders[0], self.at, "test")
            pending = PendingEvent(
                subject=event.subject, headers=event.headers(), data=event.data().decode()
            )
            self.project = self.project.model_copy(update={"pending": pending})

    @precondition(lambda self: self.project.pending is not None)
    @rule()
    def accept_without_the_budget(self) -> None:
        """Another process, which knows of no budget, accepts the job that is pending."""
        assert self.project.pending
        self._write("accepted", with_hold(self.project.pending.job, None))
        self._complete()

    @rule(jobs=st.lists(st.tuples(user, price), min_size=2, max_size=4))
    def begin_batch(self, jobs: list[tuple[str | None, str]]) -> None:
        name, records = f"batch_{next(self.numbers)}", [self._new(*each) for each in jobs]

        def change(budgets: user_budgets.BudgetRecords) -> user_budgets.BudgetRecords:
            return user_budgets.hold_plans(budgets, name, "copy", records, self.at)

        if self._change(change):
            self.batches[name] = records

    @precondition(lambda self: any(self.batches.values()))
    @rule(pick=pick)
    def accept_of_batch(self, pick: int) -> None:
        names = [name for name, jobs in self.batches.items() if jobs]
        name = names[pick % len(names)]
        self._hold(self.batches[name].pop(), "accepted", name)

    @precondition(lambda self: bool(self.batches))
    @rule(pick=pick)
    def end_batch(self, pick: int) -> None:
        name = [*self.batches][pick % len(self.batches)]
        del self.batches[name]
        self._change(lambda budgets: user_budgets.release_plans(budgets, name, "copy"))

    @precondition(lambda self: self._open())
    @rule(pick=pick)
    def lose_reply(self, pick: int) -> None:
        job = self._one(self._open(), pick)
        if job.step not in (Step.ACCEPTED, Step.RETRY_SCHEDULED):
            return
        run = job.internal.run + 1
        submitting = Submitting(run=run, endpoint="e", prompt="p", arguments={}, references=[])
        for fact in (Started(run=run), submitting, SubmitUnknown(run=run, problem=PROBLEM)):
            job = self._happens(job, fact)

    @precondition(lambda self: self._open(Step.SUBMIT_UNKNOWN))
    @rule(pick=pick)
    def retry(self, pick: int) -> None:
        job = self._one(self._open(Step.SUBMIT_UNKNOWN), pick)
        again = RetryScheduled(
            not_before=self.at, reason="x", detail="x", charged="unknown", key=f"{self.head}"
        )
        self._hold(apply(job, again, self.at), "retry_scheduled")

    @precondition(lambda self: self._open())
    @rule(pick=pick)
    def end(self, pick: int) -> None:
        job = self._one(self._open(), pick)
        in_doubt = job.step is Step.SUBMIT_UNKNOWN
        self._happens(job, Failed(problem=PROBLEM, charged="unknown") if in_doubt else Canceled())

    @precondition(lambda self: self._corrigible())
    @rule(pick=pick, charged=st.sampled_from(("no", "yes")))
    def learn(self, pick: int, charged: Any) -> None:
        job = self._one(self._corrigible(), pick)
        run = job.internal.attempts[-1].run
        ended = next(
            each.sequence for each in self.log if each.name == "failed" and each.job.id == job.id
        )
        self._happens(job, AttemptCompleted(run=run, ended=ended, charged=charged, outcome="x"))

    @rule(events=st.integers(min_value=1, max_value=3))
    def settle(self, events: int) -> None:
        waiting = [each for each in self.log if each.sequence > self.project.settled]
        for each in waiting[:events]:
            self._change(partial(_settled, event=each))

    @rule(hours=st.sampled_from((1, 5, 300)))
    def tick(self, hours: int) -> None:
        self.at += timedelta(hours=hours)

    @rule()
    def remove_old_records(self) -> None:
        current = rolled(self.project, self.at)
        self.users = {
            name: own for name, own in self.users.items() if not user_budgets.is_over(current, own)
        }

    @rule()
    def set_again(self) -> None:
        """The budget is removed, and set once more: it is counted from the log."""
        self._complete()
        self.head += 1
        self.batches.clear()
        empty = opened("demo", LIMITS, "UTC", self.at, since=self.head)
        whole = recounted(empty, self._balances(self.head))
        self.project = whole.model_copy(update={"settled": self.head})

    @invariant()
    def every_balance_is_what_the_jobs_make(self) -> None:
        jobs = self._balances(self.project.settled)
        wrong_balances = [*differences(self.project, recounted(self.project, jobs))]
        wrong_balances += user_differences(self.project, self.users, jobs, self.at)
        assert wrong_balances == []

    @invariant()
    def no_user_costs_more_than_their_limit(self) -> None:
        held: dict[str, Decimal] = {}
        for event in {each.job.id: each for each in self.log}.values():
            hold = event.job.internal.reserved
            if hold and hold.user == self.project.since and not event.job.step.is_final:
                key = f"{event.job.user} {hold.day}"
                held[key] = held.get(key, Decimal(0)) + hold.amount
        assert all(amount <= 1 for amount in held.values())

    @invariant()
    def no_user_holds_what_the_project_does_not(self) -> None:
        current = rolled(self.project, self.at)
        for name, stored in self.users.items():
            for own in user_budgets.user_budget(current, name, stored, self.at).windows:
                whole = next(each for each in current.windows if each.key == own.key)
                assert own.held <= whole.held

    def _new(self, user: str | None, price: str) -> Record:
        cost = Cost(estimated=Decimal(price))
        update = {"id": new_job_id(), "user": user, "cost": cost, "created_at": self.at}
        return JOB.model_copy(update=update)

    def _hold(self, job: Record, event: str, plan: str | None = None) -> None:
        """The event, if the budgets have room for what it holds; both at once."""
        holders = [job]

        def change(budgets: user_budgets.BudgetRecords) -> user_budgets.BudgetRecords:
            cost = cost_to_hold(job)
            after, holders[0] = user_budgets.hold_job(budgets, job, cost, self.at, plan)
            return after

        if not job.cost.estimated or self._change(change):
            self._write(event, holders[0])

    def _change(
        self, change: Callable[[user_budgets.BudgetRecords], user_budgets.BudgetRecords]
    ) -> bool:
        self._complete()
        current = rolled(self.project, self.at)
        names = [user_digest(name) for name in NAMES]
        own = {
            name: user_budgets.user_budget(current, name, self.users.get(name), self.at)
            for name in names
        }
        try:
            after = change(user_budgets.BudgetRecords(current, own))
        except (OverBudget, Unavailable):
            return False
        self.project = after.project
        self.users |= {name: each for name, each in after.users.items() if each != own[name]}
        return True

    def _complete(self) -> None:
        """The event that is pending is in the log, before the next record is written."""
        pending = self.project.pending
        if pending is None:
            return
        is_stored = all(each.job.id != pending.job.id for each in self.log)
        if is_stored:
            self._write("accepted", pending.job)
        self.project = settlement.completed(self.project, is_stored=is_stored)

    def _happens(self, job: Record, fact: JobEvent) -> Record:
        after = apply(job, fact, self.at)
        self._write(fact.name, after)
        return after

    def _write(self, name: str, job: Record) -> None:
        self.head += 1
        self.log.append(Event(self.head, name, job))

    def _open(self, step: Step | None = None) -> list[Record]:
        last = {each.job.id: each.job for each in self.log}.values()
        return [job for job in last if not job.step.is_final and step in (None, job.step)]

    def _corrigible(self) -> list[Record]:
        last = {each.job.id: each.job for each in self.log}.values()
        ended = (job for job in last if job.step is Step.FAILED)
        return [job for job in ended if job.internal.attempts[-1].charged == "unknown"]

    def _one(self, jobs: list[Record], pick: int) -> Record:
        return jobs[pick % len(jobs)]

    def _balances(self, settled: int) -> list[JobBalance]:
        at_settled = {each.job.id: each.job for each in self.log if each.sequence <= settled}
        last = {each.job.id: each.job for each in self.log}
        balances = [JobBalance(at_settled.get(name), job) for name, job in last.items()]
        pending = self.project.pending
        return [*balances, JobBalance(None, pending.job)] if pending else balances


_FEW = settings(
    max_examples=25,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
_MANY = settings(_FEW, max_examples=400, derandomize=True, database=None, phases=[Phase.generate])

TestMoneyLife = MoneyLife.TestCase
TestMoneyLife.settings = _FEW


def _settles_the_project_only(
    budgets: user_budgets.BudgetRecords, sequence: int, event: str, job: Record
) -> user_budgets.BudgetRecords:
    project = settle(budgets.project, sequence, event, job)
    return budgets._replace(project=project)


def _releases_the_project_only(
    budgets: user_budgets.BudgetRecords, name: str, holder: str
) -> user_budgets.BudgetRecords:
    project = release_plan(budgets.project, name, holder)
    return budgets._replace(project=project)


def _counts_whoever_has_a_user(budget: BudgetRecord, job: Record) -> str | None:
    return user_digest(job.user) if job.user else None


def _counts_after_the_budget_was_set_again(budget: BudgetRecord, job: Record) -> str | None:
    held = job.internal.reserved
    is_counted = job.step is Step.ACCEPTED if held is None else held.user is not None
    return user_digest(job.user) if is_counted and job.user else None


def _holds_without_a_look_at_the_plan(
    own: BudgetRecord, periods: Any, cost: Cost, at: datetime, plan: str | None
) -> BudgetRecord:
    check_cost(own, periods, cost, at)
    return own.with_held(periods, cost.estimated)


def _holds_whatever_is_left(
    own: BudgetRecord, periods: Any, cost: Cost, at: datetime, plan: str | None
) -> BudgetRecord:
    planned = plan_of(own, plan)
    if planned and planned.amount >= cost.estimated:
        return with_part_taken(own, planned, cost.estimated, jobs=0)
    return own.with_held(periods, cost.estimated)


def _forgets_at_midnight(budget: BudgetRecord, own: BudgetRecord) -> bool:
    return all(budget.running("day").key != each.key for each in own.windows)


def _holds_what_was_accepted_elsewhere(budget: BudgetRecord, *, is_stored: bool) -> BudgetRecord:
    return budget.model_copy(update={"pending": None})


#: a safeguard, and what stands in its place
MUTANTS: dict[str, tuple[str, Any]] = {
    "an end is settled for the project only": ("settle_job", _settles_the_project_only),
    "a batch is given back for the project only": ("release_plans", _releases_the_project_only),
    "jobs from before the budget are counted": ("counted_user", _counts_whoever_has_a_user),
    "jobs of an earlier budget are counted": (
        "counted_user",
        _counts_after_the_budget_was_set_again,
    ),
    "the part of a batch is held twice": ("_held", _holds_without_a_look_at_the_plan),
    "a user is not looked at": ("_held", _holds_whatever_is_left),
    "a record goes with its day": ("is_over", _forgets_at_midnight),
}


@pytest.mark.parametrize(("name", "stand_in"), MUTANTS.values(), ids=MUTANTS.keys())
def test_a_safeguard_that_is_taken_away_is_found_out(
    monkeypatch: pytest.MonkeyPatch, name: str, stand_in: Any
) -> None:
    monkeypatch.setattr(user_budgets, name, stand_in)

    with pytest.raises(Exception):  # noqa: B017, PT011  # a broken promise, or a broken record
        run_state_machine_as_test(MoneyLife, settings=_MANY)


def test_a_hold_that_is_not_given_back_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settlement, "completed", _holds_what_was_accepted_elsewhere)

    with pytest.raises(AssertionError):
        run_state_machine_as_test(MoneyLife, settings=_MANY)
