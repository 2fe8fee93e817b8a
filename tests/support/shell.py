"""The command line, run as people and scripts run it."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.stack import Stack


def run_heliograph(
    stack: Stack, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name("heliograph")), *arguments],
        env={
            **os.environ,
            "HELIOGRAPH_PUBLIC_URL": stack.url("gateway"),
            "HELIOGRAPH_HOME": str(stack.home),
            "NO_COLOR": "1",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
