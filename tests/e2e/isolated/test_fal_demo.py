"""`make demo PROVIDER=fal`: the demo, made by a hosted model."""

import os
import subprocess
from pathlib import Path
from uuid import uuid4

from deploy.local.processes import ROOT
from tests.support.fal.emulator_process import FalServer
from tests.support.servers import free_port
from tests.support.stack import SHORT

SERVICES = ("GATEWAY", "STATUS", "STORAGE", "RENDER", "NATS", "S3")


def _demo(home: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    ports = {f"HELIOGRAPH_{name}_PORT": str(free_port()) for name in SERVICES}
    return subprocess.run(
        ["make", "--silent", "--old-file=.venv/.installed", "demo", "PROVIDER=fal"],  # noqa: S607
        cwd=ROOT,
        env={**os.environ, **SHORT, **ports, "HELIOGRAPH_HOME": str(home), **settings},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_the_demo_is_made_by_fal_and_paid_once_for_each_picture(
    fal_server: FalServer, tmp_path: Path
) -> None:
    fal = fal_server.account(uuid4().hex)

    ended = _demo(tmp_path / "home", HELIOGRAPH_FAL_BASE_URL=fal.url, FAL_KEY=fal.key)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.count("checked") == 3
    assert len(fal.accepted()) == fal.posts == 3
    assert {request["endpoint"] for request in fal.accepted()} == {"fal-ai/flux/schnell"}
    assert len(list((tmp_path / "home" / "demo").glob("*.png"))) == 3


def test_without_a_key_it_says_what_to_set_and_starts_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"

    ended = _demo(home)

    assert ended.returncode != 0
    assert "FAL_KEY is not set" in ended.stderr
    assert not home.exists()
