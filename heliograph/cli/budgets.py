"""Budget of a project."""

from typing import Annotated, Any

import typer

from heliograph.cli.command_runner import run_command
from heliograph.cli.options import AsJson, Gateway, Project
from heliograph.cli.output import show_items
from heliograph.cli.tables import Cells, money
from heliograph.client import Client
from heliograph.contracts.budgets.state import BudgetState, WindowState

app = typer.Typer()

_COLUMNS = ("of", "limit", "spent", "held", "left", "renews_at")

Limit = Annotated[str | None, typer.Option(help="As 5.00; what is left out has no limit.")]


@app.command()
def budget(
    day: Limit = None,
    month: Limit = None,
    total: Limit = None,
    jobs_open: Annotated[int | None, typer.Option(min=1, help="Jobs that may be open.")] = None,
    zone: Annotated[
        str | None,
        typer.Option(
            help="Time zone of days and months, as Europe/Berlin. Alone it keeps the limits."
        ),
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Remove the budget.")] = False,
    project: Project = None,
    as_json: AsJson = False,
    url: Gateway = None,
) -> None:
    """Show what a project may spend, has spent, and holds for open jobs; or set its limits."""

    limits: dict[str, Any] = {"day": day, "month": month, "total": total, "jobs_open": jobs_open}

    async def work() -> BudgetState:
        async with Client(url, project=project) as client:
            if remove:
                return await client.set_budget()
            if any(limits.values()):
                return await client.set_budget(**limits, zone=zone or "UTC")
            state = await client.budget()
            if zone is None:
                return state
            if not state.windows:
                raise typer.BadParameter("the project has no budget; give a limit, too")
            return await client.set_budget(**state.limits, zone=zone)

    _show(run_command(work()), as_json=as_json)


def _show(state: BudgetState, *, as_json: bool) -> None:
    if as_json:
        print(state.model_dump_json())
    elif not state.windows:
        print(f"{state.project} has no budget")
    else:
        show_items(map(_cells, state.windows), _COLUMNS, as_json=False)
    if state.jobs_open and not as_json:
        print(f"{state.jobs_open.open} of {state.jobs_open.limit} jobs are open")


def _cells(window: WindowState) -> Cells:
    return {
        "of": window.key,
        "limit": None if window.limit is None else money(window.limit),
        "spent": money(window.spent),
        "held": money(window.held),
        "left": None if window.left is None else money(window.left),
        "renews_at": window.renews_at and window.renews_at.isoformat(),
    }
