"""A home is closed to other users; a folder that is somebody else's is not."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from heliograph.runtime.data_dir import DataDir


@pytest.fixture(autouse=True)
def _usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_new_home_is_private(tmp_path: Path) -> None:
    home = DataDir(tmp_path / "home")

    home.make_private()
    (home.folder("logs") / "render.log").write_text("")

    assert _mode(home.path) == _mode(home.path / "logs") == 0o700
    assert _mode(home.path / "logs" / "render.log") == 0o600


def test_an_older_home_is_closed_with_all_that_is_in_it(tmp_path: Path) -> None:
    home = DataDir(tmp_path / "home")
    objects = home.path / "s3" / "bucket"
    objects.mkdir(parents=True)
    (home.path / "run").mkdir()
    (objects / "picture.png").write_text("")
    (objects / "link").symlink_to(tmp_path / "elsewhere")
    home.path.chmod(0o755)

    home.make_private()

    assert _mode(home.path) == _mode(objects) == 0o700
    assert _mode(objects / "picture.png") == 0o600


def test_a_folder_of_another_user_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("")
    tmp_path.chmod(0o755)

    DataDir(tmp_path).make_private()

    assert _mode(tmp_path) == 0o755
    assert _mode(tmp_path / "theirs") == 0o644
