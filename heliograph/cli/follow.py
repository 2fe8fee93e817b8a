"""`heliograph follow`: watch jobs, or a project."""

from typing import Annotated

import typer

from heliograph.cli.command_runner import DONE, err, out, run_command
from heliograph.cli.options import AsJson, Gateway, Project, Timeout
from heliograph.cli.output import exit_code, show_change, show_job, show_jobs
from heliograph.cli.progress_bars import show_progress
from heliograph.client import Client
from heliograph.contracts.jobs import Job

app = typer.Typer()


async def watch(
    client: Client, jobs: list[Job], timeout: float | None, *, as_json: bool
) -> list[Job]:
    ids = [job.id for job in jobs]
    if as_json:
        ended = await client.finish(*ids, timeout=timeout)
    else:
        names = {job.id: job.slot or job.kind for job in jobs}
        async with client.follow(*ids, timeout=timeout) as events:
            ended = await show_progress(events, names, out)
    if len(ended) == 1:
        show_job(ended[0], as_json=as_json)
    else:
        show_jobs(ended, as_json=as_json)
    return ended


def _show_caught_up(missed: int | None) -> None:
    """Print that a replay after a lost connection is complete."""
    if missed is not None:
        err.print(f"reconnected, {missed} events were missed and are shown", highlight=False)


@app.command()
def follow(
    jobs: Annotated[
        list[str] | None, typer.Argument(help="Ids of jobs; without any, the whole project.")
    ] = None,
    timeout: Timeout = None,
    as_json: AsJson = False,
    url: Gateway = None,
    project: Project = None,
) -> None:
    """Follow jobs until they have ended, or a project without end."""

    async def work() -> int:
        async with Client(url, project=project) as client:
            if jobs:
                current = [await client.get(job) for job in jobs]
                return exit_code(await watch(client, current, timeout, as_json=as_json))
            async with client.follow(timeout=timeout, caught_up=_show_caught_up) as events:
                async for event in events:
                    if event.job:
                        show_change(event.job, as_json=as_json)
        return DONE

    raise typer.Exit(run_command(work()))
