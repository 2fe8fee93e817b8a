"""Wall clocks of our processes that are wrong, or are set while they run. Servers keep the right time."""

from importlib.metadata import distribution
from pathlib import Path

_LIBRARY = distribution("libfaketime").locate_file(
    "libfaketime/vendor/libfaketime/src/libfaketime.so.1"
)
_VARIABLES = (
    "FAKETIME_TIMESTAMP_FILE",
    "FAKETIME_CACHE_DURATION",  # seconds; to read the file for every look at the clock is slow
    "FAKETIME_DONT_FAKE_MONOTONIC",
    "FAKETIME_FORCE_MONOTONIC_FIX",  # 0: else threads that wait for the interpreter's lock spin
)


class WallClock:
    """
    The wall clock of all Python processes that get `environment`.

    The bundled servers are linked statically and do not hear of it, as if they were on other hosts.
    Monotonic clocks go on as they are.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self.set(0)

    @property
    def environment(self) -> dict[str, str]:
        values = (str(self._file), "1", "1", "0")
        return {
            "LD_PRELOAD": str(_LIBRARY),
            "HELIOGRAPH_PASS_VARIABLES": ",".join(_VARIABLES),
            **dict(zip(_VARIABLES, values, strict=True)),
        }

    def set(self, seconds: int) -> None:
        """Within a second it is wrong by so many seconds."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+d}s\n")
        new.replace(self._file)
