"""Prometheus metrics of the disk that a process keeps its files on, read when they are asked for."""

import math
import shutil
from functools import partial
from pathlib import Path
from typing import Literal

from prometheus_client import Gauge

_FREE = Gauge("heliograph_disk_free_bytes", "Bytes free on the disk of HELIOGRAPH_HOME")
_SIZE = Gauge("heliograph_disk_size_bytes", "Bytes of the disk of HELIOGRAPH_HOME")


def export_disk_metrics(folder: Path) -> None:
    """Show the disk of a folder; NaN while it cannot be read, as other metrics are still asked for."""
    _FREE.set_function(partial(_bytes, folder, "free"))
    _SIZE.set_function(partial(_bytes, folder, "total"))


def _bytes(folder: Path, which: Literal["free", "total"]) -> float:
    try:
        return float(getattr(shutil.disk_usage(folder), which))
    except OSError:
        return math.nan
