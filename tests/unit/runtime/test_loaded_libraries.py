"""A service loads the libraries that it uses, and no others: each takes memory for as long as it runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

#: builds a service as it ships; prints which of some modules that has loaded
_LOADED = """
import sys
from services.{service} import __main__ as service

service.create_app(service.read_settings(service.{service_class}))
print(*(name for name in {names} if name in sys.modules))
"""
_BY_ALL = ["cryptography", "nacl", "pydantic.v1", "pygments", "rich"]
_UNUSED = {
    "gateway": [*_BY_ALL, "aiohttp.client"],
    "render": [*_BY_ALL, "aiohttp.client", "jsonschema"],
    "storage": [*_BY_ALL, "jsonschema"],
    "status": [
        *_BY_ALL,
        "aiohttp.client",
        "faststream",
        "jsonschema",
        "sqlalchemy.dialects.postgresql",
    ],
}


@pytest.mark.parametrize("service", _UNUSED)
def test_a_service_loads_no_library_that_it_does_not_use(service: str, tmp_path: Path) -> None:
    program = _LOADED.format(
        service=service, service_class=f"{service.title()}Settings", names=_UNUSED[service]
    )
    settings = {"HELIOGRAPH_HOME": str(tmp_path), "HELIOGRAPH_NATS_URL": "nats://127.0.0.1:1"}

    loaded = _output_of(program, settings)

    assert loaded.split() == []


def _output_of(program: str, settings: dict[str, str]) -> str:
    return subprocess.check_output(
        [sys.executable, "-c", program], env={**os.environ, **settings}, text=True, timeout=60
    )
