"""Files on their way lie apart from those of other processes, and do not outlive their own."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.local.processes import ROOT
from services.storage.temp_dir import claim_temp_dir

_CLAIM = """
import sys
from pathlib import Path
from services.storage.temp_dir import claim_temp_dir
print(claim_temp_dir(Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""

Another = Callable[[], tuple[subprocess.Popen[str], Path]]


@pytest.fixture
def another(tmp_path: Path) -> Iterator[Another]:
    """Starts a process that claims a folder, and puts a file there for it."""
    processes = []

    def start() -> tuple[subprocess.Popen[str], Path]:
        process = subprocess.Popen(
            [sys.executable, "-c", _CLAIM, str(tmp_path)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        assert process.stdout
        return process, _output_in(Path(process.stdout.readline().strip()))

    yield start
    for process in processes:
        with process:
            process.kill()


def _output_in(folder: Path) -> Path:
    place = folder / "tmp_output" / "0"
    place.mkdir(parents=True)
    file = place / "original"
    file.write_bytes(b"a lighthouse")
    return file


def test_what_a_killed_process_left_is_removed(tmp_path: Path, another: Another) -> None:
    processes, files = zip(*(another() for _ in range(3)), strict=True)
    for process in processes:
        process.kill()
        process.wait()

    claim_temp_dir(tmp_path)

    assert not any(file.exists() for file in files)


def test_folders_of_running_processes_stay(tmp_path: Path, another: Another) -> None:
    first, gone = another()
    _, kept = another()
    first.kill()
    first.wait()

    own = claim_temp_dir(tmp_path)

    assert not gone.exists()
    assert kept.exists()
    assert not kept.is_relative_to(own)


def test_a_folder_is_for_one_process_only(tmp_path: Path, another: Another) -> None:
    file = _output_in(claim_temp_dir(tmp_path))

    _, others = another()

    assert others != file
    assert file.exists()


def test_directories_of_dead_processes_are_removed(tmp_path: Path) -> None:
    """As processes of older versions left it."""
    upload = tmp_path / "tmpolder" / "upload"
    upload.parent.mkdir()
    upload.write_bytes(b"a lighthouse")
    output = _output_in(tmp_path / "tmpother")

    claim_temp_dir(tmp_path)

    assert not upload.exists()
    assert not output.exists()


def test_a_claimed_folder_is_empty(tmp_path: Path, another: Another) -> None:
    process, left = another()
    process.kill()
    process.wait()

    own = claim_temp_dir(tmp_path)

    assert left.is_relative_to(own)
    assert list(own.iterdir()) == []
