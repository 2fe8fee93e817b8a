"""Time and logs of the world."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from tests.simulation.virtual_time import virtual_time


@pytest.fixture(scope="module", autouse=True)
def _in_virtual_time() -> Iterator[None]:
    with virtual_time():
        yield


@pytest.fixture(scope="module", autouse=True)
def _in_silence() -> Iterator[None]:
    """Thousands of crashes are not worth a line each."""
    before = structlog.get_config()
    quiet = structlog.make_filtering_bound_logger(logging.CRITICAL)
    structlog.configure(wrapper_class=quiet)
    yield
    structlog.configure(**before)
