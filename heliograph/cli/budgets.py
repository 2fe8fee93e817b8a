"""Budget of a project."""

from typing import Annotated, Any

import typer

from heliograph.cli.command_runner import run_command
from heliograph.cli.options import AsJson, Gateway, Project
from heliograph.cli.output import show_items
from heliograph.cli.tables import Cells, money
from heliograph.client import Client
from heliograph.contracts.budgets.state import BudgetState, UserBudgetState, WindowState

app = typer.Typer()

_COLUMNS = ("of", "limit", "spent", "held", "left", "renews_at")

Limit = Annotated[
    str | None, typer.Option(help="Amount, for example 5.00; an omitted window has no limit.")
]


@app.command()
def budget(
    day: Limit = None,
    month: Limit = None,
    total: Limit = None,
    jobs_open: Annotated[int | None, typer.Option(min=1, help="Jobs that may be open.")] = None,
    user_day: Annotated[str | None, typer.Option(help="For each user of the project.")] = None,
    user_month: Annotated[str | None, typer.Option(help="For each user of the project.")] = None,
    user: Annotated[str | None, typer.Option(help="Show the budget of this user, too.")] = None,
    zone: Annotated[
        str | None,
        typer.Option(
            help="Time zone of days and months, for example Europe/Berlin. Alone it keeps the limits."
        ),
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Remove the budget.")] = False,
    project: Project = None,
    as_json: AsJson = False,
    url: Gateway = None,
) -> None:
    """Show the budget of a project (limits, spending, holds of open jobs), or set its limits."""

    of_user = {"day": user_day, "month": user_month} if user_day or user_month else None
    limits: dict[str, Any] = {"day": day, "month": month, "total": total}
    limits |= {"jobs_open": jobs_open, "user": of_user}

    async def work() -> BudgetState:
        async with Client(url, project=project) as client:
            if remove:
                return await client.set_budget()
            if any(limits.values()):
                return await client.set_budget(**limits, zone=zone or "UTC")
            state = await client.budget(user)
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
    if state.user and not as_json:
        _show_user(state.user)
    if state.jobs_open and not as_json:
        print(f"{state.jobs_open.open} of {state.jobs_open.limit} jobs are open")


def _show_user(user: UserBudgetState) -> None:
    if user.name:
        print(f"the user {user.name}:")
        show_items(map(_cells, user.windows), _COLUMNS, as_json=False)
        return
    limits = {"on a day": user.day, "in a month": user.month}
    amounts = (f"{money(each)} {span}" for span, each in limits.items() if each is not None)
    print(f"each user may cost {', '.join(amounts)}")


def _cells(window: WindowState) -> Cells:
    return {
        "of": window.key,
        "limit": None if window.limit is None else money(window.limit),
        "spent": money(window.spent),
        "held": money(window.held),
        "left": None if window.left is None else money(window.left),
        "renews_at": window.renews_at and window.renews_at.isoformat(),
    }
