"""Everything that is installed is under the hashes of one lock, what installs it included."""

import re
import subprocess

import pytest

from deploy.local.processes import ROOT

LOCK = (ROOT / "requirements.lock").read_text()


@pytest.mark.parametrize("name", ["uv", "pip", "hatchling", "trove-classifiers", "pluggy"])
def test_what_installs_is_locked_by_hash(name: str) -> None:
    assert re.search(rf"^{name}==[^\n]+\n +--hash=sha256:[0-9a-f]{{64}}", LOCK, re.MULTILINE)


def test_nothing_is_installed_past_the_lock() -> None:
    """A build in isolation would fetch its backend anew, and a seeded environment its pip."""
    output = subprocess.run(
        ["make", "--dry-run", "--always-make", ".venv/.installed", ".tools/bin/uv"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    installs = [line for line in output.splitlines() if "pip install" in line]

    assert "--seed" not in output
    assert len(installs) >= 2
    for line in installs:
        only_ours = "--no-deps" in line and "--no-build-isolation" in line
        assert only_ours or "--require-hashes" in line, line
