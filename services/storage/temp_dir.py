"""Temporary files: a locked directory per process; directories of dead processes are emptied at start."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from heliograph.runtime.file_lock import lock


def claim_temp_dir(directory: Path) -> Path:
    """
    A folder below `directory`, empty, for this process alone as long as it lives.

    It stays locked until then, so an unlocked folder is of a dead process, and is removed.
    """
    folders = (directory / str(number) for number in count(1))
    own = next(folder for folder in folders if _lock(folder) is not None)
    _clear(own)
    for folder in directory.glob("*/"):
        handle = _lock(folder)
        if handle is not None:
            _clear(folder)
            os.close(handle)
    return own


@contextmanager
def removed_folder(directory: Path) -> Iterator[Path]:
    """Path of a folder below `directory`: callers make it when they need it; it is removed at the end."""
    folder = directory / secrets.token_hex(8)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # it may never have been made


def _lock(folder: Path) -> int | None:
    folder.mkdir(exist_ok=True)
    return lock(folder, os.O_RDONLY)


def _clear(folder: Path) -> None:
    """Delete the content, but not the folder itself, which other processes may be about to lock."""
    for left in folder.iterdir():
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)  # an inspector may still be writing there
        else:
            left.unlink(missing_ok=True)
