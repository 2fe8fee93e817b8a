"""Which items of a batch are refused before anybody is asked, and how a refusal points at them."""

import asyncio
from typing import Any, cast

import pytest

from heliograph.contracts.batches import BatchProblem, BatchRequest
from heliograph.contracts.errors import (
    HeliographError,
    IdempotencyKeyReused,
    NotFound,
    QueueFull,
    SlotBusy,
    TooManyJobs,
    UnknownKind,
    ValidationFailed,
)
from heliograph.contracts.id_generation import action_id, batch_id
from heliograph.contracts.ids import BATCH_PATTERN, matches
from services.gateway.bulk.batch_result import latest_retry
from services.gateway.bulk.batch_submission import BatchRejected, duplicate_slots, missing_slots
from services.gateway.bulk.bounded_gather import gather_bounded
from services.gateway.bulk.items import problem_at
from services.gateway.bulk.plans import Plan
from services.gateway.limits.queue_quota import QueueQuota

_NONE = cast(Any, None)


def batch(*slots: str | None, **fields: Any) -> BatchRequest:
    jobs = [{"kind": "portrait", "prompt": "x", "slot": slot} for slot in slots]
    return BatchRequest.model_validate({"jobs": jobs, **fields})


def a_plan(*jobs: str, **fields: Any) -> Plan:
    return Plan(**{"id": "b", "project": "demo", "digest": "d", "jobs": list(jobs), **fields})


# -- the request


def test_a_slot_is_wanted_once() -> None:
    refused = duplicate_slots(batch("a", "b", "a", None, "c", "a", None))

    assert {index: str(error) for index, error in refused.items()} == {
        2: "/slot: job 0 fills it already",
        5: "/slot: job 0 fills it already",
    }


def test_what_has_no_slot_cannot_be_missing() -> None:
    slots = ("a", None, "b", None)

    assert list(missing_slots(batch(*slots, only_missing=True))) == [1, 3]
    assert missing_slots(batch(*slots)) == {}


def test_the_digest_of_a_batch_is_of_what_it_asks_for() -> None:
    assert batch("a", "b").digest() == batch("a", "b", only_missing=False).digest()
    others = [batch("b", "a"), batch("a"), batch("a", "b", only_missing=True), batch("a", "c")]
    assert batch("a", "b").digest() not in {each.digest() for each in others}


def test_a_key_names_a_batch_of_its_project() -> None:
    named = batch_id("demo", "k")

    assert named == batch_id("demo", "k")
    assert matches(BATCH_PATTERN, named)
    assert len({named, batch_id("other", "k"), batch_id("demo", "j")}) == 3
    assert batch_id("demo", None) != batch_id("demo", None)
    assert action_id("demo", "k").startswith("action_")


# -- what is refused


@pytest.mark.parametrize(
    ("error", "pointers"),
    [
        (ValidationFailed.at("/prompt", "x"), ["/jobs/3/prompt"]),
        (SlotBusy("x"), ["/jobs/3/slot"]),
        (NotFound("x"), ["/jobs/3"]),
        (ValidationFailed.at("", "x"), ["/jobs/3"]),
    ],
    ids=str,
)
def test_a_problem_points_into_the_batch(error: HeliographError, pointers: list[str]) -> None:
    problem = problem_at("/jobs/3", error)

    assert [each.pointer for each in problem.errors] == pointers
    assert problem.code == error.code


def test_a_batch_is_refused_with_the_problem_of_its_first_mistake_and_all_pointers() -> None:
    refused = {1: UnknownKind.at("/kind", "no"), 4: SlotBusy("job_1 is filling it")}

    problem = BatchRejected(refused).problem(instance="/here")

    assert isinstance(problem, BatchProblem)
    assert (problem.code, problem.status, problem.instance) == ("unknown_kind", 422, "/here")
    assert problem.detail == "job 1 is refused: /kind: no; so is another"
    assert [each.pointer for each in problem.errors] == ["/jobs/1/kind", "/jobs/4/slot"]
    codes = [(item.index, item.problem and item.problem.code) for item in problem.items]
    assert codes == [(1, "unknown_kind"), (4, "slot_busy")]


# -- the plan


def test_a_plan_is_for_one_body() -> None:
    plan = a_plan("one")

    plan.check("d")
    with pytest.raises(IdempotencyKeyReused):
        plan.check("e")


def test_what_was_filled_meanwhile_is_left_out_of_a_plan() -> None:
    plan = a_plan("one", "two", "three", skipped=[2]).without({0: "other"})

    assert plan.jobs == ["other", "two", "three"]
    assert plan.skipped == [0, 2]


def test_a_job_is_followed_to_its_latest_try() -> None:
    tries = {"a": "b", "b": "c", "x": "y"}

    assert [latest_retry(tries, job) for job in ("a", "b", "c", "x", "z")] == [
        "c",
        "c",
        "c",
        "y",
        "z",
    ]


# -- side by side


async def test_results_come_in_order_however_long_each_takes() -> None:
    gate = asyncio.Event()

    async def slow() -> str:
        await gate.wait()
        return "slow"

    async def fast() -> str:
        gate.set()
        return "fast"

    assert await gather_bounded([slow(), fast()]) == ["slow", "fast"]


async def test_an_error_is_raised_once_everything_is_over() -> None:
    done = []

    async def breaks() -> None:
        raise NotFound

    async def works() -> None:
        await asyncio.sleep(0)
        done.append(1)

    with pytest.raises(NotFound):
        await gather_bounded([breaks(), works()])
    assert done == [1]


async def test_not_everything_is_begun_at_once() -> None:
    running, most = 0, 0

    async def work() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1

    await gather_bounded(work() for _ in range(100))

    assert 1 < most <= 32


# -- room for many


def test_the_queue_quota_admits_all_or_none() -> None:
    quota = QueueQuota(_NONE, limit=10, project_limit=5)

    quota.reserve("demo", 3)
    with pytest.raises(TooManyJobs):
        quota.reserve("demo", 3)
    quota.reserve("demo", 2)
    quota.reserve("other", 4)
    with pytest.raises(QueueFull):
        quota.reserve("third", 2)
    quota.reserve("third")
