"""Commands about the sim provider of this machine."""

import json
import os
from pathlib import Path

import typer

from heliograph.contracts.sim import read_ledger

sim = typer.Typer(no_args_is_help=True, help="Inspect the sim provider of this machine.")


@sim.command()
def ledger() -> None:
    """List every request that the sim provider accepted, one JSON object per line."""
    home = Path(os.environ.get("HELIOGRAPH_HOME") or ".heliograph")
    for record in read_ledger(home):
        print(json.dumps(record.ledger_line(), ensure_ascii=False))
