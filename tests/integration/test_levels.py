"""What older processes do not understand is written once an operator says that there are none."""

from pathlib import Path

import pytest

from heliograph.contracts.level import FIRST, KEY, LEVEL, level_of
from heliograph.runtime.bus.levels import Level, raise_level, read_level
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.provisioning import EPOCH
from tests.support.records import CURRENT_CATALOG
from tests.support.servers import nats_running


async def test_a_new_log_is_at_the_level_of_its_release(tmp_path: Path) -> None:
    with nats_running(tmp_path) as server:
        bus = NatsBus(server.settings, CURRENT_CATALOG, "test")
        await bus.open()

        assert await bus.level.allows(LEVEL)
        assert not await bus.level.allows(LEVEL + 1)
        await bus.close()


async def test_an_older_log_stays_where_it_is_until_it_is_raised(tmp_path: Path) -> None:
    with nats_running(tmp_path) as server:
        bus = NatsBus(server.settings, CURRENT_CATALOG, "test")
        await bus.open()
        config = (await bus.jetstream.api("STREAM.INFO.EVENTS"))["config"]
        config["metadata"].pop(KEY)  # as an older release makes it
        await bus.jetstream.api("STREAM.UPDATE.EVENTS", config)
        again = NatsBus(server.settings, CURRENT_CATALOG, "again")
        await again.open()
        before = await again.level.allows(FIRST), await again.level.allows(LEVEL)

        raised = await raise_level(bus.jetstream)

        assert before == (True, False)
        assert raised == await read_level(bus.jetstream) == LEVEL
        assert await Level(again.jetstream).allows(LEVEL)
        metadata = (await bus.jetstream.api("STREAM.INFO.EVENTS"))["config"]["metadata"]
        assert metadata[EPOCH] == bus.epoch
        await again.close()
        await bus.close()


async def test_a_higher_level_is_never_lowered(tmp_path: Path) -> None:
    with nats_running(tmp_path) as server:
        bus = NatsBus(server.settings, CURRENT_CATALOG, "test")
        await bus.open()
        config = (await bus.jetstream.api("STREAM.INFO.EVENTS"))["config"]
        config["metadata"][KEY] = str(LEVEL + 5)
        await bus.jetstream.api("STREAM.UPDATE.EVENTS", config)

        assert await raise_level(bus.jetstream) == LEVEL + 5
        assert not await bus.level.allows(LEVEL + 1)
        await bus.close()


@pytest.mark.parametrize("value", ["", "0", "-1", "two", "²"])
def test_an_invalid_level_is_the_first(value: str) -> None:
    assert level_of({KEY: value}) == FIRST
    assert level_of({}) == FIRST
