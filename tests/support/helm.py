"""Helm, and what our chart comes to with some values."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "helm" / "heliograph"
EXAMPLES = sorted(file.stem for file in (CHART / "examples").glob("*.yaml"))
SERVICES = ("gateway", "render", "storage", "status")

_TOOLS = ROOT / ".tools"

Object = dict[str, Any]


def helm_program() -> str:
    """The path of Helm. A test skips without it, and fails in `make test-chart`."""
    path = shutil.which("helm") or shutil.which("helm", path=str(_TOOLS / "bin"))
    return path or _missing("there is no helm: run `make test-chart`")


def _missing(reason: str) -> NoReturn:
    # Helm is built from source, which takes minutes: not a part of every run of all tests
    if os.environ.get("HELIOGRAPH_TEST_CHART"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def helm(*arguments: str, values: str = "small") -> subprocess.CompletedProcess[str]:
    """A command about our chart with one of the examples."""
    example = ["--values", str(CHART / "examples" / f"{values}.yaml")]
    command = [helm_program(), *arguments, *example]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def template(values: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return helm("template", "hg", str(CHART), "--namespace", "media", *arguments, values=values)


@cache
def rendered(values: str, *arguments: str) -> list[Object]:
    """The objects of a release with one of the examples, hooks included."""
    done = template(values, *arguments)
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def invalid_objects(text: str, *versions: str) -> str:
    """Which of some objects is not valid in a version of Kubernetes, and why; empty: all are."""
    python = _TOOLS / "schemas" / "bin" / "python"
    if not python.exists():
        _missing("there are no schemas: run `make test-chart`")
    program = Path(__file__).with_name("kubernetes_schemas.py")
    command = [str(python), str(program), *versions]
    done = subprocess.run(command, input=text, check=False, capture_output=True, text=True)
    return done.stderr


def of_kind(objects: list[Object], *kinds: str) -> list[Object]:
    return [each for each in objects if each["kind"] in kinds]


def component(item: Object) -> str:
    """The part of a release that an object belongs to."""
    labels: dict[str, str] = item["metadata"]["labels"]
    return labels.get("app.kubernetes.io/component", "")


def pods(objects: list[Object]) -> Iterator[tuple[str, Object]]:
    """Component and pod template of everything that runs."""
    for each in of_kind(objects, "Deployment", "Job"):
        yield component(each), each["spec"]["template"]
    for each in of_kind(objects, "CronJob"):
        yield component(each), each["spec"]["jobTemplate"]["spec"]["template"]
