"""Commands for operators, on their machine: unreadable messages, and the level of a deployment."""

import sys

import typer

from heliograph.cli.command_runner import run_command
from heliograph.cli.options import AsJson
from heliograph.cli.output import show_items

unreadable = typer.Typer(
    no_args_is_help=True, help="Manage messages that cannot be read; on the operator's machine."
)

level = typer.Typer(
    no_args_is_help=True,
    help='Feature level of the deployment; see "Upgrades" in docs/operation.md.',
)


@unreadable.command(name="list")
def list_unreadable(as_json: AsJson = False) -> None:
    """List unreadable messages, which were skipped."""
    from heliograph.operator.unreadable import list_dead_letters  # needs the packages of a service

    letters = run_command(list_dead_letters())
    show_items(letters, ("stream", "sequence", "subject", "reason"), as_json=as_json)


@unreadable.command(name="remove")
def remove_unreadable(stream: str, sequence: int) -> None:
    """
    Remove a message permanently and print its content. Events cannot be removed.
    """
    from heliograph.operator.unreadable import remove_dead_letter  # needs the packages of a service

    sys.stdout.buffer.write(run_command(remove_dead_letter(stream, sequence)) + b"\n")


@level.command(name="show")
def show_level() -> None:
    """Show the level of the deployment, and of this release."""
    from heliograph.operator import levels  # needs the packages of a service

    deployed, own = run_command(levels.show_level())
    print(f"{deployed} of {own}")


@level.command(name="raise")
def raise_level() -> None:
    """Raise the deployment's level to that of this release, when no older process runs."""
    from heliograph.operator import levels  # needs the packages of a service

    print(run_command(levels.raise_to_own()))
