"""`heliograph usage`: how many jobs a project had, and what they cost."""

from contextlib import suppress
from datetime import date, datetime
from typing import Annotated, Any

import typer

from heliograph.cli.command_runner import run_command
from heliograph.cli.options import AsJson, Gateway, Project
from heliograph.cli.output import show_items
from heliograph.cli.tables import Cells, money
from heliograph.client import Client
from heliograph.contracts.usage import DIMENSIONS, UsageItem

app = typer.Typer()

_COLUMNS = ("jobs", "estimated", "actual", "unknown", "held", "currency")

By = Annotated[
    str,
    typer.Option(help=f"Dimensions to group by, separated by commas: {', '.join(DIMENSIONS)}."),
]


def moment(text: str) -> date:
    """A date, or a time with its zone; anything else is a usage error."""
    with suppress(ValueError):
        return date.fromisoformat(text)
    with suppress(ValueError):
        at = datetime.fromisoformat(text)
        if at.tzinfo:
            return at
    raise typer.BadParameter(f"{text!r} is no date, and no time with a zone")


Moment = Annotated[
    Any,
    typer.Option(
        parser=moment,
        metavar="DATE",
        help="Date or time, for example 2026-11-30 or 2026-11-30T12:00Z.",
    ),
]


@app.command()
def usage(
    by: By = "day",
    since: Moment = None,
    until: Moment = None,
    zone: Annotated[
        str | None,
        typer.Option(
            help="Time zone of days, for example Europe/Berlin; by default that of the budget."
        ),
    ] = None,
    project: Project = None,
    as_json: AsJson = False,
    url: Gateway = None,
) -> None:
    """Show number and cost of a project's jobs. The last 30 days by default."""
    dimensions: Any = by.split(",")
    query = {"since": since, "until": until, "time_zone": zone}
    given = {name: value for name, value in query.items() if value is not None}

    async def work() -> list[UsageItem]:
        async with Client(url, project=project) as client:
            return [item async for item in client.usage_items(dimensions, **given)]

    items = run_command(work())
    shown = (item.model_dump(mode="json") if as_json else _cells(item) for item in items)
    show_items(shown, (*dimensions, *_COLUMNS), as_json=as_json)


def _cells(item: UsageItem) -> Cells:
    amounts = ("estimated", "actual", "unknown", "held")
    return {**dict(item), **{name: money(getattr(item, name)) for name in amounts}}
