"""Each image holds one service and what that needs, and nothing that could be changed or stolen."""

import json
from typing import Any

import pytest

from deploy.images.docker import run, size
from deploy.local.processes import program
from tests.deploy.conftest import IMAGES

_MB = 1_000_000

#: libraries of vendors that a service has; all others of these are in other images only
LIBRARIES = {
    "gateway": {"servestatic"},
    "render": {"fal_client", "google.genai", "PIL", "av"},
    "storage": {"minio", "PIL", "av"},
    "status": {"sqlalchemy", "asyncpg"},
}
EVERY = sorted(set().union(*LIBRARIES.values()) | {"pytest", "mypy", "ruff", "hatchling", "uv"})

_IMPORTABLE = """
import importlib.util, json, sys
def found(name):
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False
print(json.dumps([name for name in sys.argv[1:] if found(name)]))
"""


def _in(image: str, *command: str) -> str:
    docker = [program("docker"), "run", "--rm", "--read-only", "--cap-drop=ALL", "--network=none"]
    return run([*docker, image, *command])


def _configuration(image: str) -> dict[str, Any]:
    inspected = run([program("docker"), "image", "inspect", image])
    configuration: dict[str, Any] = json.loads(inspected)[0]["Config"]
    return configuration


@pytest.mark.parametrize("service", IMAGES)
def test_an_image_has_the_libraries_of_its_service_only(service: str) -> None:
    importable = json.loads(_in(IMAGES[service], "python", "-c", _IMPORTABLE, *EVERY))

    assert set(importable) == LIBRARIES[service]


@pytest.mark.parametrize("service", IMAGES)
def test_an_image_has_the_code_of_its_service_only(service: str) -> None:
    names = [f"services.{name}" for name in IMAGES]

    importable = json.loads(_in(IMAGES[service], "python", "-c", _IMPORTABLE, *names))

    assert importable == [f"services.{service}"]


@pytest.mark.parametrize("service", IMAGES)
def test_what_runs_in_it_is_nobody(service: str) -> None:
    """On a read-only root and without capabilities, as Compose runs it."""
    ids = _in(IMAGES[service], "id", "-u")

    assert ids == "10001"


@pytest.mark.parametrize("service", IMAGES)
def test_an_image_says_what_it_is_and_how_it_is_checked(service: str) -> None:
    configuration = _configuration(IMAGES[service])

    assert configuration["Labels"]["org.opencontainers.image.title"] == f"heliograph {service}"
    assert len(configuration["Labels"]["org.opencontainers.image.revision"]) == 40
    assert "heliograph.runtime.readiness" in " ".join(configuration["Healthcheck"]["Test"])


@pytest.mark.parametrize("service", IMAGES)
def test_no_image_has_a_secret(service: str) -> None:
    variables = dict(each.split("=", 1) for each in _configuration(IMAGES[service])["Env"])

    secret = [name for name in variables if any(w in name for w in ("KEY", "TOKEN", "PASSWORD"))]
    assert secret == []
    assert _in(IMAGES[service], "ls", "-A", "/data") == ""


@pytest.mark.parametrize(
    ("service", "limit"),
    [("gateway", 200), ("status", 220), ("render", 250), ("storage", 250)],  # two have FFmpeg
    ids=["gateway", "status", "render", "storage"],
)
def test_an_image_is_small(service: str, limit: int) -> None:
    assert size(IMAGES[service]) < limit * _MB


def test_only_the_gateway_has_the_console() -> None:
    files = {
        name: _in(image, "sh", "-c", "ls /app/console/dist/index.html 2>/dev/null || true")
        for name, image in IMAGES.items()
    }

    assert [name for name, is_there in files.items() if is_there] == ["gateway"]
