"""The manifest of a backup: only what is whole is restored."""

from pathlib import Path

import pytest

from heliograph.client_errors import ClientError
from heliograph.runtime.backup.file_digests import sha256_of
from heliograph.runtime.backup.manifest import FILE, Manifest, StreamCopy, read_manifest
from heliograph.runtime.clock import now


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A backup of one stream."""
    file = tmp_path / "EVENTS.snapshot"
    file.write_bytes(b"events")
    copy = StreamCopy(
        name="EVENTS", file=file.name, sha256=sha256_of(file), config={"name": "EVENTS"}, state={}
    )
    Manifest(created_at=now(), epoch="e", streams=[copy], objects=None).write(tmp_path)
    return tmp_path


def test_a_whole_backup_is_read(folder: Path) -> None:
    assert [copy.name for copy in read_manifest(folder).streams] == ["EVENTS"]


def test_a_changed_file_is_refused_by_name(folder: Path) -> None:
    (folder / "EVENTS.snapshot").write_bytes(b"others")

    with pytest.raises(ClientError, match=r"EVENTS\.snapshot is missing or was changed"):
        read_manifest(folder)


def test_a_missing_file_is_refused_by_name(folder: Path) -> None:
    (folder / "EVENTS.snapshot").unlink()

    with pytest.raises(ClientError, match=r"EVENTS\.snapshot is missing or was changed"):
        read_manifest(folder)


def test_a_backup_that_was_interrupted_is_none(folder: Path) -> None:
    (folder / FILE).unlink()

    with pytest.raises(ClientError, match="holds no finished backup"):
        read_manifest(folder)


def test_a_manifest_of_another_format_is_refused(folder: Path) -> None:
    content = (folder / FILE).read_text().replace('"format": 1', '"format": 2')
    (folder / FILE).write_text(content)

    with pytest.raises(ClientError, match="cannot be read"):
        read_manifest(folder)
