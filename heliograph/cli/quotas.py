"""`heliograph quotas`: how many jobs a project, and each of its users, may ask for and have open."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from heliograph.cli.command_runner import run_command
from heliograph.cli.options import AsJson, Gateway, Project
from heliograph.cli.output import show_items
from heliograph.cli.tables import Cells
from heliograph.client import Client
from heliograph.contracts.quotas import ProjectQuotas, Quotas

app = typer.Typer()

_COLUMNS = ("of", "requests", "window_seconds", "jobs_in_flight", "jobs_queued")

Count = Annotated[int | None, typer.Option(min=0, help="Limit; 0 removes the quota.")]


@app.command()
def quotas(
    requests: Count = None,
    window: Annotated[int, typer.Option(min=1, help="Seconds of the window of `--requests`.")] = 60,
    jobs_in_flight: Count = None,
    jobs_queued: Count = None,
    of_users: Annotated[
        bool, typer.Option("--of-users", help="Change the quotas of each user of the project.")
    ] = False,
    project: Project = None,
    as_json: AsJson = False,
    url: Gateway = None,
) -> None:
    """Show the quotas of a project, or change them. Omitted quotas stay unchanged."""
    change = dict(_changes(requests, window, jobs_in_flight, jobs_queued))

    async def work() -> ProjectQuotas:
        async with Client(url, project=project) as client:
            if change:
                return await client.change_quotas(**({"user": change} if of_users else change))
            return await client.quotas()

    quotas = run_command(work())
    if as_json:
        print(quotas.model_dump_json())
    else:
        rows = [_cells("the project", quotas), _cells("each user", quotas.user)]
        show_items(rows, _COLUMNS, as_json=False)


def _changes(
    requests: int | None, window: int, jobs_in_flight: int | None, jobs_queued: int | None
) -> Iterator[tuple[str, Any]]:
    if requests is not None:
        rate = {"limit": requests, "window_seconds": window}
        yield "requests", rate if requests else None
    for name, limit in {"jobs_in_flight": jobs_in_flight, "jobs_queued": jobs_queued}.items():
        if limit is not None:
            yield name, limit or None


def _cells(name: str, quotas: Quotas) -> Cells:
    rate = quotas.requests
    return {
        "of": name,
        "requests": rate and rate.limit,
        "window_seconds": rate and rate.window_seconds,
        "jobs_in_flight": quotas.jobs_in_flight,
        "jobs_queued": quotas.jobs_queued,
    }
