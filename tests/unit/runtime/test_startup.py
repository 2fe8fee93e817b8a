"""A setting that is wrong is named in one line, and nothing of it is shown that may be secret."""

import pytest

from heliograph.runtime.startup import variable_of
from services.render.settings import RenderSettings
from tests.support.shell import run_module

COMMANDS = [
    ["services.gateway"],
    ["services.render"],
    ["services.storage"],
    ["services.status"],
    ["deploy.local", "up"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda each: each[0])
def test_a_process_names_each_mistake_and_ends(command: list[str]) -> None:
    wrong = {
        "HELIOGRAPH_ALLOWED_ORIGINS": "https://app.example/x",
        "HELIOGRAPH_S3_ENDPOINT": "http://user:canary@s3.example/x",
        "HELIOGRAPH_GATEWAY_PORT": "canary",
    }

    ended = run_module(*command, **wrong)

    assert ended.returncode == 2
    assert [line.partition(":")[0] for line in sorted(ended.stderr.splitlines())] == sorted(wrong)
    assert "canary" not in ended.stderr


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ([], ""),
        (["s3_endpoint"], "HELIOGRAPH_S3_ENDPOINT"),
        (["allowed_origins", "0"], "HELIOGRAPH_ALLOWED_ORIGINS"),
        (["FAL_KEY"], "FAL_KEY"),
        (["render_public_url"], "HELIOGRAPH_RENDER_PUBLIC_URL"),
    ],
)
def test_a_mistake_is_called_by_its_variable(place: list[str], name: str) -> None:
    assert variable_of(RenderSettings, place) == name
