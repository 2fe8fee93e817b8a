"""Modules that a library imports are loaded at their first use, and are then what they always were."""

import subprocess
import sys

import pytest

_IMPORTED = """
import sys
from heliograph.runtime.deferred_modules import defer_modules

defer_modules()
import nats.aio.transport
import faststream.nats.security
"""


@pytest.mark.parametrize(
    ("use", "part"),
    [
        ("nats.aio.transport.aiohttp.ClientSession", "aiohttp.client"),
        ("faststream.nats.security._nkeys.from_seed", "nacl.signing"),
    ],
)
def test_a_module_is_loaded_at_its_first_use(use: str, part: str) -> None:
    program = f"{_IMPORTED}print({part!r} in sys.modules, {use}.__name__, {part!r} in sys.modules)"

    before, name, after = subprocess.check_output(
        [sys.executable, "-c", program], text=True, timeout=60
    ).split()

    assert (before, name, after) == ("False", use.rpartition(".")[2], "True")


def test_a_module_that_is_not_installed_is_missing_at_once() -> None:
    program = """
import sys
from heliograph.runtime.deferred_modules import defer_modules

defer_modules()
sys.path = []
try:
    import nkeys
except ModuleNotFoundError as error:
    print("no", error.name)
"""

    printed = subprocess.check_output([sys.executable, "-c", program], text=True, timeout=60)

    assert printed == "no nkeys\n"


@pytest.mark.parametrize("name", ["pydantic.v1", "pygments", "rich"])
def test_a_module_that_a_service_does_without_says_that_it_is_left_out(name: str) -> None:
    program = f"""
from heliograph.runtime.deferred_modules import defer_modules

defer_modules()
try:
    import {name}
except ModuleNotFoundError as error:
    print(error)
"""

    printed = subprocess.check_output([sys.executable, "-c", program], text=True, timeout=60)

    assert printed == f"{name} is left out of services\n"
