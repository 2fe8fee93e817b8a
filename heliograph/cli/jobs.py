"""Commands about one job, and the list of jobs."""

from typing import Annotated

import typer

from heliograph.cli.command_runner import USAGE, fail, run_command
from heliograph.cli.options import AsJson, Gateway, Project
from heliograph.cli.output import show_job, show_jobs
from heliograph.client import Client
from heliograph.contracts.jobs import Job

app = typer.Typer()


@app.command(name="jobs")
def list_jobs(
    status: Annotated[str | None, typer.Option()] = None,
    kind: Annotated[str | None, typer.Option()] = None,
    slot: Annotated[str | None, typer.Option(help="Prefix of slot names.")] = None,
    limit: Annotated[int, typer.Option(help="Maximum number of jobs.")] = 20,
    as_json: AsJson = False,
    url: Gateway = None,
    project: Project = None,
) -> None:
    """List jobs, newest first."""
    filters = {"status": status, "kind": kind, "slot": slot, "limit": min(limit, 200)}

    async def work() -> None:
        async with Client(url, project=project) as client:
            jobs: list[Job] = []
            async for job in client.jobs(**{n: v for n, v in filters.items() if v is not None}):
                jobs.append(job)
                if len(jobs) >= limit:
                    break
            show_jobs(jobs, as_json=as_json)

    run_command(work())


@app.command()
def get(job: str, as_json: AsJson = False, url: Gateway = None) -> None:
    """Show a job."""

    async def work() -> None:
        async with Client(url) as client:
            show_job(await client.get(job), as_json=as_json)

    run_command(work())


@app.command()
def cancel(
    job: str,
    detach: Annotated[
        bool, typer.Option("--detach", help="Only free the slot; the job continues.")
    ] = False,
    as_json: AsJson = False,
    url: Gateway = None,
) -> None:
    """Cancel a job."""

    async def work() -> None:
        async with Client(url) as client:
            canceled = await client.cancel(job, "detach" if detach else "stop")
            show_job(canceled, as_json=as_json)

    run_command(work())


@app.command()
def retry(
    job: str,
    start: Annotated[
        str | None, typer.Option("--from", help="Step: download, poll, or submit (paid).")
    ] = None,
    key: Annotated[str | None, typer.Option("--key", help="Idempotency-Key.")] = None,
    as_json: AsJson = False,
    url: Gateway = None,
) -> None:
    """Retry a job from the cheapest step that costs nothing; only `--from submit` is paid."""
    check_step(start)

    async def work() -> None:
        async with Client(url) as client:
            again = await client.retry(job, start=start, key=key)  # type: ignore[arg-type]  # checked
            show_job(again, as_json=as_json)

    run_command(work())


def check_step(start: str | None) -> None:
    if start not in (None, "download", "poll", "submit"):
        fail("--from is download, poll or submit", USAGE)
