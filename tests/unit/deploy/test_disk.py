"""What the streams may take is compared with the disk before anything starts."""

from pathlib import Path

import pytest

from deploy.local.disk import DiskTooSmall, check_disk, store_limit
from deploy.local.processes import nats_server
from deploy.local.settings import LocalSettings


def test_streams_that_the_disk_cannot_hold_are_refused(tmp_path: Path) -> None:
    settings = LocalSettings(home=tmp_path, events_max_bytes=2**60, nats_max_store=2**61)

    with pytest.raises(DiskTooSmall, match="HELIOGRAPH_EVENTS_MAX_BYTES"):
        check_disk(settings)


def test_streams_that_the_store_cannot_hold_are_refused(tmp_path: Path) -> None:
    settings = LocalSettings(home=tmp_path, events_max_bytes=2**30, nats_max_store=2**29)

    with pytest.raises(DiskTooSmall, match="HELIOGRAPH_NATS_MAX_STORE"):
        check_disk(settings)


def test_the_server_gets_a_limit_that_fits_the_disk(tmp_path: Path) -> None:
    settings = LocalSettings(home=tmp_path, nats_max_store=2**60)

    limit = store_limit(settings)

    assert 0 < limit < 2**60
    max_store = int(nats_server(settings).environment["HELIOGRAPH_NATS_MAX_STORE"])
    assert abs(max_store - limit) < 2**30  # others write to this disk meanwhile
