"""Running a command: errors as sentences, and exit codes."""

import asyncio
from collections.abc import Coroutine
from typing import Any, NoReturn, TypeVar

import typer
from rich.console import Console

from heliograph.cli.tables import action_lines
from heliograph.client_errors import ClientError, ConnectionFailed, RequestRejected, Unsendable

DONE, FAILED, USAGE, UNREACHABLE = 0, 1, 2, 3  #: exit codes

out = Console()
err = Console(stderr=True)

T = TypeVar("T")


def run_command(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end, with errors as sentences and exit codes."""
    try:
        return asyncio.run(work)
    except ConnectionFailed as error:
        fail(str(error), UNREACHABLE)
    except Unsendable as error:
        fail(str(error), USAGE)
    except RequestRejected as error:
        for each in error.problem.errors:
            err.print(f"  {each.pointer}: {each.detail}", highlight=False, markup=False)
        for line in action_lines(error.problem.next_actions):
            err.print(f"  {line}", highlight=False, markup=False)
        fail(str(error), USAGE)
    except ClientError as error:
        fail(str(error), FAILED)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def fail(reason: str, code: int) -> NoReturn:
    err.print(reason, style="red", highlight=False, markup=False, soft_wrap=True)
    raise typer.Exit(code)
