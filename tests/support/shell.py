"""Programs, run as people and scripts run them: in this process, or in one of their own."""

import os
import runpy
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from tests.support.stack import Stack

Ended = subprocess.CompletedProcess[str]


def run_heliograph(stack: Stack, *arguments: str, **environment: str) -> Ended:
    """Its console script, called here: the same as a process without the start of one."""
    command = ("heliograph", *arguments)
    return _call(_console_script, command, {**_surroundings(stack), **environment})


def run_module(module: str, *arguments: str, **environment: str) -> Ended:
    """`python -m module`, called here: for programs that end before they have started anything."""
    return _call(
        lambda: runpy.run_module(module, run_name="__main__"), (module, *arguments), environment
    )


def run_process(stack: Stack, *arguments: str, **environment: str) -> Ended:
    """The installed program."""
    return subprocess.run(
        [str(Path(sys.executable).with_name("heliograph")), *arguments],
        env={**os.environ, **_surroundings(stack), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _surroundings(stack: Stack) -> dict[str, str]:
    """What an operator has set who uses the command line beside it."""
    settings = {n: v for n, v in stack.environment.items() if n.startswith("HELIOGRAPH_")}
    return {**settings, "HELIOGRAPH_PUBLIC_URL": stack.url("gateway"), "NO_COLOR": "1"}


def _call(main: Callable[[], object], command: Sequence[str], environment: dict[str, str]) -> Ended:
    output, errors = TextIOWrapper(BytesIO()), TextIOWrapper(BytesIO())
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(output), redirect_stderr(errors):
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", list(command))
        with pytest.raises(SystemExit) as ended:
            main()
    assert isinstance(ended.value.code, int)
    return Ended(command, ended.value.code, _text(output), _text(errors))


def _console_script() -> None:
    from heliograph.cli import main  # here, because its consoles look at the streams of now

    main()


def _text(stream: TextIOWrapper) -> str:
    stream.flush()
    assert isinstance(stream.buffer, BytesIO)
    return stream.buffer.getvalue().decode()
