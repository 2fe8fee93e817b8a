"""Old files: removal of what was written long ago, in folders that several processes share."""

import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def remove_older(files: Iterable[Path], seconds: float) -> int:
    """Remove the files that were written longer ago than that. Returns how many they were."""
    before, removed = time.time() - seconds, 0
    for file in files:
        with suppress(FileNotFoundError):  # another process removed or renamed it
            if file.stat().st_mtime < before:
                file.unlink()
                removed += 1
    return removed
