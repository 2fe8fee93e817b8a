"""The catalog follows its files while a service runs, and a wrong file changes nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, MutableMapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from heliograph.runtime.catalog import CurrentCatalog
from heliograph.runtime.catalog.load import load_catalog
from heliograph.runtime.catalog.reload import watch_files
from heliograph.runtime.settings import ServiceSettings
from tests.support.timeouts import TIMEOUT

KIND = """
{name}: {{lane: {lane}, media: image, model: sim/picture, expected_seconds: 3, timeout_seconds: 9}}
"""


Log = list[MutableMapping[str, Any]]


@pytest.fixture
def log() -> Iterator[Log]:
    with capture_logs() as entries:
        yield entries


def _write(file: Path, text: str) -> None:
    file.write_text(text)


def _remove(file: Path) -> None:
    file.unlink()


@pytest.fixture
def kinds(tmp_path: Path) -> Path:
    file = tmp_path / "kinds.yaml"
    file.write_text(KIND.format(name="poster", lane="portraits"))
    return file


@asynccontextmanager
async def _followed(settings: ServiceSettings) -> AsyncIterator[CurrentCatalog]:
    """A catalog that follows its files, quickly."""
    load = partial(load_catalog, settings)
    catalog = CurrentCatalog(load())
    following = asyncio.create_task(watch_files(settings, catalog, load, every=0.02))
    try:
        yield catalog
    finally:
        following.cancel()
        await asyncio.wait([following])


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(TIMEOUT):
        while not is_so():
            await asyncio.sleep(0.01)


async def test_a_new_entry_is_there_for_whoever_holds_a_section(kinds: Path) -> None:
    async with _followed(ServiceSettings(kinds=kinds)) as catalog:
        held = catalog.section(lambda each: each.kinds)
        _write(kinds, KIND.format(name="stamp", lane="portraits"))
        await _until(lambda: "stamp" in held)

        assert "poster" not in held
        assert "portrait" in held, "what is shipped stays"


async def test_an_entry_that_changed_is_the_new_one(kinds: Path) -> None:
    async with _followed(ServiceSettings(kinds=kinds)) as catalog:
        _write(kinds, KIND.format(name="poster", lane="shots"))
        await _until(lambda: catalog.current.kinds["poster"].lane == "shots")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("poster: {lane: nowhere, media: image}\n", "kinds.yaml:1: kinds.poster"),
        ("a: 1\nb: [\n", "kinds.yaml:3:"),
        (
            "\n" + KIND.format(name="poster", lane="nowhere"),
            "kinds.yaml:3: kinds.poster.lane: there is no lane 'nowhere'",
        ),
    ],
)
async def test_a_wrong_file_changes_nothing_and_the_log_says_where_and_why(
    kinds: Path, log: Log, text: str, reason: str
) -> None:
    async with _followed(ServiceSettings(kinds=kinds)) as catalog:
        before = catalog.current
        _write(kinds, text)
        await _until(lambda: any(reason in str(entry.get("reason")) for entry in log))

        assert catalog.current is before


async def test_a_wrong_file_is_complained_about_once_and_followed_on(kinds: Path, log: Log) -> None:
    async with _followed(ServiceSettings(kinds=kinds)) as catalog:
        _write(kinds, "nonsense\n")
        await _until(lambda: any("reason" in entry for entry in log))
        _write(kinds, KIND.format(name="stamp", lane="portraits"))
        await _until(lambda: "stamp" in catalog.current.kinds)

    assert sum("reason" in entry for entry in log) == 1


async def test_a_file_that_goes_away_changes_nothing(kinds: Path, log: Log) -> None:
    async with _followed(ServiceSettings(kinds=kinds)) as catalog:
        _remove(kinds)
        await _until(lambda: any("reason" in entry for entry in log))

        assert "poster" in catalog.current.kinds


async def test_a_lane_that_comes_needs_a_restart_and_a_cap_does_not(
    tmp_path: Path, log: Log
) -> None:
    lanes = tmp_path / "lanes.yaml"
    _write(lanes, "shots: {cap: 3}\n")
    async with _followed(ServiceSettings(lanes=lanes)) as catalog:
        _write(lanes, "shots: {cap: 3}\nposters: {cap: 1}\n")
        await _until(lambda: any("posters" in str(e.get("reason")) for e in log))
        assert "posters" not in catalog.current.lanes

        _write(lanes, "shots: {cap: 5}\n")
        await _until(lambda: catalog.current.lanes["shots"].cap == 5)


async def test_with_the_shipped_catalog_alone_there_is_nothing_to_follow() -> None:
    settings = ServiceSettings()
    load = partial(load_catalog, settings)

    await watch_files(settings, CurrentCatalog(load()), load)
