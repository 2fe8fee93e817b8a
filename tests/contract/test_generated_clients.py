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
def npm_packages() -> Path:
    """Programs of the npm packages. Skips where they are not installed."""
    programs = ROOT / "node_modules" / ".bin"
    if not programs.is_dir():
        missing("npm packages are not installed (make client)")
    return programs


def test_a_typescript_client_passes_the_strict_check(npm_packages: Path, tmp_path: Path) -> None:
    for service, make in OPENAPI.items():
        document = tmp_path / f"{service}.json"
        document.write_text(json.dumps(make()))
        options = ["--default-non-nullable", "false", "--output", f"{service}.ts"]
        run(npm_packages / "openapi-typescript", document, *options, cwd=tmp_path)
    shutil.copy(CONSUMERS / "consumer.ts", tmp_path)
    shutil.copy(CONSUMERS / "tsconfig.json", tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}')

    run(npm_packages / "tsc", "--project", ".", cwd=tmp_path)


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
    lock = json.loads((ROOT / "package-lock.json").read_text())

    addresses = [
        each["resolved"]
        for each in lock["packages"].values()
        if "resolved" in each and not each.get("link")
    ]
    assert all(address.startswith("https://registry.npmjs.org/") for address in addresses)
