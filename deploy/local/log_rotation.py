"""Log rotation: the newest lines of a process in a file of bounded size, the older ones in a few more."""

from pathlib import Path
from types import TracebackType
from typing import Self


class RotatingLog:
    """
    A text file that begins anew when it is full.

    Args:
        file: The newest lines; older ones are in `<file>.1`, `<file>.2`, and so on.
        limit: Bytes of one file.
        kept: Older files; the oldest goes when another one comes.
    """

    def __init__(self, file: Path, *, limit: int, kept: int) -> None:
        self._file = file
        self._limit = limit
        self._kept = kept
        self._stream = file.open("ab", buffering=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._stream.close()

    def write(self, line: str) -> None:
        """Write one line at once. Raises OSError when the disk is full."""
        data = line.encode()
        if self._stream.tell() + len(data) > self._limit and self._stream.tell():
            self._rotate()
        self._stream.write(data)

    def _rotate(self) -> None:
        self._stream.close()
        for number in range(self._kept, 0, -1):
            newer = self._older(number - 1)
            if newer.exists():
                newer.replace(self._older(number))
        self._stream = self._file.open("ab", buffering=0)

    def _older(self, number: int) -> Path:
        return self._file.with_name(f"{self._file.name}.{number}") if number else self._file
