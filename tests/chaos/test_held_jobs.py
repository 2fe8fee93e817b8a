"""A gateway that dies once the price of a job is held: the job runs, although nobody asks for it again."""

from pathlib import Path

from heliograph.runtime.crash_points import Point
from tests.chaos.crash_scenarios import ScenarioClient
from tests.chaos.journal import Journal
from tests.support.stack import Stack


async def test_a_job_that_was_held_is_accepted_by_itself(
    fragile: Stack, crashes: Path, project: str
) -> None:
    held: Point = "accept.held"
    client = ScenarioClient(fragile, Journal(), crashes, project)
    await client.set_budget("1")
    (crashes / held).touch()

    job = await client.ask_once(client.request())

    assert not (crashes / held).exists()
    await client.finish(job)
    assert len(fragile.ledger(project)) == 1
