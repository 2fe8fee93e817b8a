"""Disk space: what the store of the bundled NATS server may take, compared with what there is."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from heliograph.runtime.bus.stream_configs import streams
from heliograph.runtime.settings import ServiceSettings
from heliograph.runtime.startup import StartupError

_RESERVE = 1024**3  #: bytes of a disk that the store leaves to others, at most
_PART = 20  #: of a smaller disk, one part in so many
_MIB = 1024**2


class DiskTooSmall(StartupError):
    """The disk has no room for what the streams may take; the message names the settings."""


def check_disk(settings: ServiceSettings) -> None:
    """Raises DiskTooSmall: a disk that is full stops NATS, where a stream that is full refuses."""
    needed = sum(max(0, config.get("max_bytes", 0)) for config in streams(settings))
    limit = store_limit(settings)
    if limit < needed:
        raise DiskTooSmall(
            f"the streams may take {needed // _MIB} MiB, and NATS has {limit // _MIB} MiB at"
            f" {_store(settings)}: free some of the disk, set HELIOGRAPH_EVENTS_MAX_BYTES to less"
            f" than {settings.events_max_bytes}, or HELIOGRAPH_NATS_MAX_STORE to more than {limit}"
        )


def store_limit(settings: ServiceSettings) -> int:
    """Bytes that the store may take: as set, but never more than the disk has for it."""
    disk = shutil.disk_usage(_store(settings))
    room = disk.free + _taken(_store(settings)) - _reserve(disk.total)
    return max(_MIB, min(settings.nats_max_store, room))


def has_room(folder: Path) -> bool:
    """Whether the disk of a folder has as much as the store leaves free, or half of that."""
    disk = shutil.disk_usage(folder)
    return disk.free >= _reserve(disk.total) // 2


def _reserve(total: int) -> int:
    return min(_RESERVE, total // _PART)


def _store(settings: ServiceSettings) -> Path:
    return settings.folder.folder("nats")


def _taken(folder: Path) -> int:
    """Bytes on the disk that the files of a folder take."""
    taken = 0
    for where, _, files in os.walk(folder):
        for file in files:
            with suppress(FileNotFoundError):
                taken += Path(where, file).lstat().st_blocks * 512
    return taken
