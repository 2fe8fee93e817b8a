"""The command line, run as people and scripts run it: in this process, or in one of its own."""

import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from tests.support.stack import Stack

Ended = subprocess.CompletedProcess[str]


def run_heliograph(stack: Stack, *arguments: str, **environment: str) -> Ended:
    """Its console script, called here: the same as a process without the start of one."""
    written = {"stdout": TextIOWrapper(BytesIO()), "stderr": TextIOWrapper(BytesIO())}
    with (
        pytest.MonkeyPatch.context() as patch,
        redirect_stdout(written["stdout"]),
        redirect_stderr(written["stderr"]),
    ):
        for name, value in {**_surroundings(stack), **environment}.items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", ["heliograph", *arguments])
        code = _main()
    texts = {name: _text(stream) for name, stream in written.items()}
    return Ended(arguments, code, **texts)


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
    return {
        "HELIOGRAPH_PUBLIC_URL": stack.url("gateway"),
        "HELIOGRAPH_HOME": str(stack.home),
        "NO_COLOR": "1",
    }


def _main() -> int:
    """Its exit code."""
    from heliograph.cli import main  # here, because its consoles look at the streams of now

    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


def _text(stream: TextIOWrapper) -> str:
    stream.flush()
    assert isinstance(stream.buffer, BytesIO)
    return stream.buffer.getvalue().decode()
