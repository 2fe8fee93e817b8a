"""Images and containers of this machine; `make test-deploy` builds them. Skipped without Docker."""

import os
import shlex
from collections.abc import Iterator

import pytest

from deploy.compose.demo import ComposeProject
from deploy.images.docker import has_image
from deploy.images.runtime_lock import EXTRAS
from deploy.local.processes import NotInstalled

IMAGES = {name: f"heliograph/{name}:0.1.0" for name in EXTRAS}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if reason := _why_not():
        for item in items:
            if item.nodeid.startswith("tests/deploy/"):
                item.add_marker(pytest.mark.skip(reason))


def _why_not() -> str:
    if not os.environ.get("HELIOGRAPH_TEST_COMPOSE"):
        return "containers are tested by `make test-deploy`"
    try:
        missing = [image for image in IMAGES.values() if not has_image(image)]
    except NotInstalled as error:
        return str(error)
    return f"{', '.join(missing)}: run `make images`" if missing else ""


@pytest.fixture(scope="session")
def containers() -> Iterator[ComposeProject]:
    """All of it, healthy, until the tests end."""
    command = shlex.split(os.environ["HELIOGRAPH_TEST_COMPOSE"])
    project = ComposeProject(command, "heliograph-test")
    try:
        project.up()
        yield project
    finally:
        project.down()
