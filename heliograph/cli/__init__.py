"""Command line: `heliograph submit "a lighthouse keeper"`, and what follows."""

import sys
from io import TextIOWrapper

import typer
from stamina.instrumentation import set_on_retry_hooks

from heliograph.cli import (
    audit,
    backup,
    budgets,
    bulk,
    catalog,
    follow,
    jobs,
    quotas,
    quote,
    submit,
    usage,
)
from heliograph.cli.command_runner import DONE
from heliograph.cli.deployment import app as deployment
from heliograph.cli.keys import keys
from heliograph.cli.operator import level, unreadable
from heliograph.cli.sim import sim

app = typer.Typer(
    help="Submit and follow jobs, and operate a deployment where its services run.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

for commands in (submit, quote, follow, jobs, bulk, catalog, budgets, quotas, usage, audit, backup):
    app.add_typer(commands.app)
app.add_typer(deployment)
app.add_typer(sim, name="sim")
app.add_typer(unreadable, name="unreadable")
app.add_typer(level, name="level")
app.add_typer(keys, name="keys")


def main() -> None:
    """The console script."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal that cannot show it all shows the rest
            stream.reconfigure(errors="backslashreplace")
    set_on_retry_hooks([])  # standard output is for results
    app(prog_name="heliograph")
    sys.exit(DONE)
