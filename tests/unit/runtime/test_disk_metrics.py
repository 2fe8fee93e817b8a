"""The disk as a metric: a folder that is gone takes no other metric with it."""

import math
from pathlib import Path

from prometheus_client import REGISTRY, generate_latest

from heliograph.runtime.disk_metrics import export_disk_metrics


def test_the_disk_of_a_folder_is_shown(tmp_path: Path) -> None:
    export_disk_metrics(tmp_path)

    free = REGISTRY.get_sample_value("heliograph_disk_free_bytes")
    size = REGISTRY.get_sample_value("heliograph_disk_size_bytes")
    assert free is not None
    assert size is not None
    assert 0 < free < size


def test_a_folder_that_is_gone_is_no_number(tmp_path: Path) -> None:
    export_disk_metrics(tmp_path / "gone")

    assert generate_latest(REGISTRY)
    assert math.isnan(REGISTRY.get_sample_value("heliograph_disk_free_bytes") or 0)
