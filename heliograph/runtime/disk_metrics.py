"""Prometheus metrics of the disk that a process keeps its files on, read when they are asked for."""

import shutil
from pathlib import Path

from prometheus_client import Gauge

_FREE = Gauge("heliograph_disk_free_bytes", "Bytes free on the disk of HELIOGRAPH_HOME")
_SIZE = Gauge("heliograph_disk_size_bytes", "Bytes of the disk of HELIOGRAPH_HOME")


def export_disk_metrics(folder: Path) -> None:
    """Show the disk of a folder."""
    _FREE.set_function(lambda: shutil.disk_usage(folder).free)
    _SIZE.set_function(lambda: shutil.disk_usage(folder).total)
