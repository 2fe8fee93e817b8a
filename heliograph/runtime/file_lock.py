"""File lock, held as long as the process lives."""

import fcntl
import os
from pathlib import Path


def lock(path: Path, flags: int) -> int | None:
    """
    A handle that keeps a file or folder locked until it is closed; None when another process holds it.

    Args:
        flags: How it is opened, as for `os.open`.
    """
    handle = os.open(path, flags, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle
