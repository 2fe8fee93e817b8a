"""Operators run their commands in the image of the gateway, which has no library of the store."""

import pytest

from deploy.compose.demo import ComposeProject


@pytest.mark.parametrize("command", ["keys list", "level show", "unreadable list"])
def test_a_command_of_operators_works_as_their_own_user(
    containers: ComposeProject, command: str
) -> None:
    said = containers.call("run", "--rm", "-T", "operator", *command.split())

    assert "Traceback" not in said


def test_health_is_asked_by_name(containers: ComposeProject) -> None:
    assert containers.call("exec", "-T", "gateway", "heliograph", "health", "gateway") == ""
