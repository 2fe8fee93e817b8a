"""
The part of `requirements.lock` that an image is made of: a service's own extras, nothing of development.

    python deploy/images/runtime_lock.py --service gateway > runtime.lock
    python deploy/images/runtime_lock.py --package uv > tools.lock

The lock notes for each package which others need it. Those notes are followed from the requirements of
the extras on, so versions and hashes are those of the one lock that there is. Only the standard library
is used: in the build of an image, nothing else is there yet.
"""

import argparse
import re
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

#: by service; the command line is for health checks and operators, and traces are off by default
EXTRAS = {
    "gateway": ("gateway", "cli", "otel"),
    "render": ("render", "cli", "otel"),
    "storage": ("storage", "cli", "otel"),
    "status": ("status", "postgres", "cli", "otel"),
}

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_OWN_EXTRAS = re.compile(r"heliograph\[([^]]+)\]")
_VIA = re.compile(r"^ +# +(?:via )?([A-Za-z0-9][A-Za-z0-9._-]*)", re.MULTILINE)


def part_of(lock: str, requirements: Iterable[str]) -> str:
    """The entries of a lock for requirements, and for all that these need."""
    entries = [each for each in re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE) if each]
    needed = {_package(each) for each in requirements}
    parents = {_package(each): set(map(_package, _VIA.findall(each))) for each in entries}
    while more := {name for name, via in parents.items() if via & needed} - needed:
        needed |= more
    return "".join(each for each in entries if _package(each) in needed)


def requirements_of(project: dict[str, Any], extras: Iterable[str]) -> list[str]:
    """The requirements of the package with extras, as `pyproject.toml` has them."""
    requirements: list[str] = list(project["dependencies"])
    for extra in extras:
        for requirement in project["optional-dependencies"][extra]:
            own = _OWN_EXTRAS.match(requirement)
            requirements += requirements_of(project, own[1].split(",")) if own else [requirement]
    return requirements


def _package(requirement: str) -> str:
    """The name that a requirement begins with, as PEP 503 spells it."""
    match = _NAME.match(requirement)
    assert match, requirement
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    chosen = parser.add_mutually_exclusive_group(required=True)
    chosen.add_argument("--service", choices=EXTRAS)
    chosen.add_argument("--package", action="append", help="repeat it")
    arguments = parser.parse_args()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    packages = arguments.package or requirements_of(project, EXTRAS[arguments.service])
    sys.stdout.write(part_of((ROOT / "requirements.lock").read_text(), packages))


if __name__ == "__main__":
    main()
