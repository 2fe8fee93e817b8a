"""Write-once file: created with all of its text, by one of any number of processes."""

import os
import secrets
from contextlib import suppress
from pathlib import Path


def write_once(file: Path, text: str, *, mode: int = 0o600) -> None:
    """Create the file with the whole text and exactly this mode, unless it exists already."""
    if file.exists():
        return
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(handle, "w") as stream:
            os.fchmod(handle, mode)  # whatever the umask of the process is
            stream.write(text)
        with suppress(FileExistsError):
            os.link(draft, file)
    finally:
        draft.unlink()
