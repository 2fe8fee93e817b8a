"""Audit of budgets, on the machine of the operator."""

import json
from typing import Annotated

import typer

from heliograph.cli.command_runner import FAILED, run_command
from heliograph.cli.options import AsJson

app = typer.Typer()


@app.command()
def audit(
    project: Annotated[
        str | None, typer.Argument(help="Project to audit; all projects if omitted.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare the balances of budgets with a recount of their jobs; on the operator's machine."""
    from heliograph.operator import budget_audits  # needs the packages of a service

    audits = run_command(budget_audits.audit(project))
    for each in audits:
        print(json.dumps(each.description()) if as_json else each.summary())
    if any(each.differences for each in audits):
        raise typer.Exit(FAILED)
