"""Log files are bounded: the newest lines are in the newest file, the oldest go."""

from pathlib import Path

from deploy.local.log_rotation import RotatingLog


def test_a_full_log_begins_anew_and_only_so_many_older_ones_stay(tmp_path: Path) -> None:
    file = tmp_path / "render.log"

    with RotatingLog(file, limit=100, kept=2) as log:
        for number in range(100):
            log.write(f"line {number:02}\n")

    files = {each.name: each.read_text() for each in tmp_path.iterdir()}
    assert set(files) == {"render.log", "render.log.1", "render.log.2"}
    assert all(len(text) <= 100 for text in files.values())
    assert files["render.log"].endswith("line 99\n")
    kept = files["render.log.2"] + files["render.log.1"] + files["render.log"]
    assert kept.splitlines() == [f"line {n:02}" for n in range(100 - kept.count("\n"), 100)]


def test_a_log_file_is_continued_by_the_next_process(tmp_path: Path) -> None:
    file = tmp_path / "render.log"
    for number in range(3):
        with RotatingLog(file, limit=10_000, kept=1) as log:
            log.write(f"life {number}\n")

    assert file.read_text() == "life 0\nlife 1\nlife 2\n"


def test_a_line_longer_than_a_file_is_written_all_the_same(tmp_path: Path) -> None:
    file = tmp_path / "render.log"

    with RotatingLog(file, limit=10, kept=1) as log:
        log.write("x" * 50 + "\n")

    assert file.read_text() == "x" * 50 + "\n"
