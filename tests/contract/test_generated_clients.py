"""Clients that are generated from the published documents pass the checks of their languages."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.golden import OPENAPI
from tests.support.servers.server import missing

ROOT = Path(__file__).parents[2]
TYPESCRIPT = ROOT / "clients" / "typescript"
CONSUMERS = Path(__file__).parent / "clients"

#: the programs of this environment come first: Node is among them
ENVIRONMENT = {
    **os.environ,
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
}


def run(*command: str | Path, cwd: Path) -> None:
    """Run a program to its end; what it says is the failure."""
    done = finished(*command, cwd=cwd)
    assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"


def finished(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def npm_packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages of the lock file, installed. Skips where npm or its registry is out of reach."""
    npm = shutil.which("npm", path=ENVIRONMENT["PATH"])
    if npm is None:
        missing("there is no npm")
    folder = tmp_path_factory.mktemp("typescript")
    for name in ("package.json", "package-lock.json", "tsconfig.json"):
        shutil.copy(TYPESCRIPT / name, folder)
    done = finished(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=folder)
    if done.returncode:
        missing(f"npm installs nothing: {done.stderr[-500:]}")
    return folder


def test_a_typescript_client_passes_the_strict_check(npm_packages: Path) -> None:
    generate = npm_packages / "node_modules" / ".bin" / "openapi-typescript"
    for service, make in OPENAPI.items():
        document = npm_packages / f"{service}.json"
        document.write_text(json.dumps(make()))
        options = ["--default-non-nullable", "false", "--output", f"{service}.ts"]
        run(generate, document, *options, cwd=npm_packages)
    shutil.copy(CONSUMERS / "consumer.ts", npm_packages)

    run(npm_packages / "node_modules" / ".bin" / "tsc", "--project", ".", cwd=npm_packages)


def test_a_python_client_passes_the_strict_check(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(
        json.dumps({"post_hooks": [], "package_name_override": "heliograph_api_client"})
    )
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(OPENAPI["gateway"]()))
    client = tmp_path / "client"
    tool = Path(sys.executable).parent / "openapi-python-client"
    command: list[str | Path] = [
        tool,
        "generate",
        "--path",
        document,
        "--config",
        config,
    ]

    run(*command, "--output-path", client, "--meta", "none", "--fail-on-warning", cwd=tmp_path)
    client.rename(tmp_path / "heliograph_api_client")
    shutil.copy(CONSUMERS / "consumer.py.txt", tmp_path / "consumer.py")

    strict = [sys.executable, "-m", "mypy", "--strict", "--no-incremental"]
    run(*strict, "consumer.py", cwd=tmp_path)


def test_the_lock_file_names_no_registry_but_the_public_one() -> None:
    lock = json.loads((TYPESCRIPT / "package-lock.json").read_text())

    addresses = [each["resolved"] for each in lock["packages"].values() if "resolved" in each]
    assert all(address.startswith("https://registry.npmjs.org/") for address in addresses)
