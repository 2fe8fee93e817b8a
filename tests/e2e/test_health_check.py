"""The health check that containers run: exit code 0, or 1 with the service and the reason."""

import subprocess
import sys

import pytest

from tests.support.metrics import SERVICES
from tests.support.servers import free_port
from tests.support.shell import Ended, run_heliograph
from tests.support.stack import Stack


def _health_check(stack: Stack, service: str, **environment: str) -> Ended:
    return subprocess.run(
        [sys.executable, "-m", "heliograph.runtime.readiness", service],
        env={**stack.environment, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_that_is_ready_is_healthy(stack: Stack, service: str) -> None:
    ended = _health_check(stack, service)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert run_heliograph(stack, "health", service).returncode == 0


def test_a_service_that_does_not_respond_is_named_with_the_reason(stack: Stack) -> None:
    nowhere = {"HELIOGRAPH_STATUS_PORT": str(free_port())}

    ended = _health_check(stack, "status", **nowhere)

    assert ended.returncode == 1
    assert ended.stderr.startswith("status: ")
    assert "refused" in ended.stderr
    assert run_heliograph(stack, "health", "status", **nowhere).stderr.endswith(ended.stderr)
