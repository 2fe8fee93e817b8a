"""However many jobs match the parts of a question, its result is the jobs that match all of them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from heliograph.contracts.id_generation import new_job_id
from heliograph.contracts.queries.jobs import FindJobs, ListJobs
from heliograph.contracts.records import Record
from services.status.read_model.rows import Row
from services.status.read_model.sql import SqlReadModel
from tests.support.records import a_record

NUMBER = 6_000  #: more than a list looks at before it takes something for common
BEGAN = datetime(2030, 1, 1, tzinfo=UTC)

Matches = Callable[[Record], bool]


def a_history() -> list[Record]:
    """A common tag, a slot that few and one that most are for, a user who made the oldest."""
    template = a_record(project="demo")
    return [
        template.model_copy(
            update={
                "id": new_job_id(),
                "created_at": BEGAN + timedelta(seconds=n),
                "kind": "trailer" if n % 1_000 == 0 else "shot",
                "status": "failed" if n % 10 == 0 else "succeeded",
                "slot": "cast/a" if n % 100 == 0 else f"shot/{n % 7}",
                "user": "early" if n < 30 else "late",
                "tags": {"show": "s1", "act": str(n % 2)} if n >= 50 else {"show": "s0"},
                "parameters": {"seed": n % 50},
            }
        )
        for n in range(NUMBER)
    ]


async def fill(url: str, jobs: list[Record]) -> None:
    read_model = SqlReadModel(url)
    await read_model.prepare()
    await read_model.open("one")
    await read_model.apply([Row(n, job) for n, job in enumerate(jobs, start=1)], 0, len(jobs))
    await read_model.aclose()


@pytest.fixture(scope="module")
def filled(shared_database: str) -> tuple[str, list[Record]]:
    jobs = a_history()
    asyncio.run(fill(shared_database, jobs))
    return shared_database, jobs


@pytest.fixture
async def read_model(filled: tuple[str, list[Record]]) -> AsyncIterator[SqlReadModel]:
    read_model = SqlReadModel(filled[0])
    yield read_model
    await read_model.aclose()


@pytest.fixture
def newest_first(filled: tuple[str, list[Record]]) -> list[Record]:
    return filled[1][::-1]


def is_tagged(job: Record) -> bool:
    return job.tags["show"] == "s1"


S1 = {"tags": {"show": "s1"}}

QUESTIONS: dict[str, tuple[dict[str, Any], Matches]] = {
    "a common tag": (S1, is_tagged),
    "a common tag and a rare kind": (
        {**S1, "kind": "trailer"},
        lambda job: is_tagged(job) and job.kind == "trailer",
    ),
    "a common tag and a common kind": (
        {**S1, "kind": "shot"},
        lambda job: is_tagged(job) and job.kind == "shot",
    ),
    "a common tag and a user without it": ({**S1, "user": "early"}, lambda job: False),
    "a common tag and a slot of few": (
        {**S1, "slot": "cast/"},
        lambda job: is_tagged(job) and job.slot == "cast/a",
    ),
    "a common tag and slots of many": (
        {**S1, "slot": "shot/", "status": "failed"},
        lambda job: is_tagged(job) and job.slot != "cast/a" and job.status == "failed",
    ),
    "a common and a rare label": (
        {**S1, "parameters": {"seed": "7"}, "status": "succeeded"},
        lambda job: is_tagged(job) and job.parameters["seed"] == 7,
    ),
    "a common tag and a time": (
        {**S1, "created_before": BEGAN + timedelta(seconds=70)},
        lambda job: is_tagged(job) and job.created_at <= BEGAN + timedelta(seconds=70),
    ),
    "slots of many": ({"slot": "shot/"}, lambda job: job.slot != "cast/a"),
    "slots of many and a user": (
        {"slot": "shot/", "user": "early"},
        lambda job: job.slot != "cast/a" and job.user == "early",
    ),
    "capitals": ({**S1, "slot": "Shot/"}, lambda job: False),
}


@pytest.mark.parametrize("question", QUESTIONS)
async def test_a_list_has_the_newest_jobs_that_match(
    read_model: SqlReadModel, newest_first: list[Record], question: str
) -> None:
    query, matches = QUESTIONS[question]
    expected = [job.id for job in newest_first if matches(job)]

    first = await read_model.page(ListJobs(project="demo", limit=20, **query))
    listed = [row.record.id for row in first.rows]
    if first.next:
        second = ListJobs(project="demo", limit=20, cursor=first.next, **query)
        listed += [row.record.id for row in (await read_model.page(second)).rows]

    assert listed == expected[:40]


@pytest.mark.parametrize("question", QUESTIONS)
async def test_names_of_jobs_are_found_like_jobs(
    read_model: SqlReadModel, newest_first: list[Record], question: str
) -> None:
    query, matches = QUESTIONS[question]
    expected = [job.id for job in newest_first if matches(job) and job.status == "failed"]

    named = await read_model.find(FindJobs(project="demo", statuses=["failed"], limit=20, **query))

    assert [each.id for each in named] == expected[:21]
