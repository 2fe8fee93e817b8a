"""Reloads the catalog when one of its files changes, while the service runs."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import structlog

from heliograph.contracts.catalog import Catalog
from heliograph.runtime.catalog import CurrentCatalog
from heliograph.runtime.catalog.yaml_files import SECTIONS, CatalogFileError
from heliograph.runtime.settings import ServiceSettings

log = structlog.get_logger()

LOOK_EVERY = 1.0  #: seconds

_State = tuple[tuple[int, int, int] | None, ...]  #: of each file; None: it is not there


async def watch_files(
    settings: ServiceSettings,
    catalog: CurrentCatalog,
    load: Callable[[], Catalog],
    *,
    every: float = LOOK_EVERY,
) -> None:
    """
    Hot reload: keep the current catalog, and the sections of it that were handed out, as its files are.

    A file is read once it has stayed the same for `every` seconds: by then its writer is done.
    An invalid file changes nothing, and the log has position and reason. Lanes cannot be added or
    removed, because each has a consumer from the start.
    """
    files = [file for section in SECTIONS if (file := getattr(settings, section))]
    taken: _State = ()
    before: _State = ()
    while files:
        state = await asyncio.to_thread(_state_of, files)
        if state == before != taken:
            taken = state
            await _take(catalog, load)
        before = state
        await asyncio.sleep(every)


async def _take(catalog: CurrentCatalog, load: Callable[[], Catalog]) -> None:
    try:
        latest = await asyncio.to_thread(load)
        _check_lanes(catalog.current, latest)
    except CatalogFileError as error:
        log.error("Catalog rejected; the previous one stays in use", reason=str(error))
        return
    if latest != catalog.current:
        catalog.current = latest
        log.info("Catalog reloaded")


def _check_lanes(catalog: Catalog, latest: Catalog) -> None:
    changed = sorted(catalog.lanes.keys() ^ latest.lanes.keys())
    if changed:
        names = ", ".join(changed)
        raise CatalogFileError(f"lanes that come or go ({names}) need a restart of all services")


def _state_of(files: list[Path]) -> _State:
    return tuple(_stamp(file) for file in files)


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
