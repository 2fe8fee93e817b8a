"""Lane limits: from the catalog, overridden by operators."""

from collections.abc import Mapping
from typing import Any

from heliograph.contracts.catalog import Lane
from heliograph.contracts.limits import ChangeLane, LaneLimit
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.kv_cache import KvCache


def lane_consumer(lane: str) -> str:
    """The name of a lane's consumer."""
    return f"lane-{lane}"


class Lanes:
    """
    The bucket `lanes`: key `<lane>`, value `{cap?, paused?}`.

    The cap is kept by the server, as the `max_ack_pending` of the lane's consumer; the bucket says
    what it shall be. Every method raises Unavailable.
    """

    def __init__(self, jetstream: JetStream, lanes: Mapping[str, Lane]) -> None:
        self._jetstream = jetstream
        self._cache = KvCache(jetstream, "lanes")
        self._lanes = lanes

    async def watch(self) -> None:
        """Keep a local copy of all limits. Runs until canceled."""
        await self._cache.watch()

    async def limit(self, lane: str) -> LaneLimit:
        """Current limit of a lane, at most a moment old."""
        return self._limit(lane, (await self._cache.entry(lane)).readable)

    async def current(self, lane: str) -> LaneLimit:
        """The limit of a lane, including the last acknowledged change. `limit` knows it from now on."""
        entry = await self._cache.bucket.read(lane)
        self._cache.note(lane, entry)
        return self._limit(lane, entry.readable)

    async def change(self, lane: str, change: ChangeLane) -> LaneLimit:
        """Change what holds for a lane, in all processes at once."""
        fields = change.model_dump(include={"cap", "paused"}, exclude_none=True)

        def laid_over(value: dict[str, Any]) -> dict[str, Any]:
            reset = ("cap", "paused") if change.reset else ()
            return {name: each for name, each in value.items() if name not in reset} | fields

        await self._cache.bucket.change(lane, laid_over)
        return await self.enforce(lane)

    async def enforce(self, lane: str) -> LaneLimit:
        """Set the consumer's cap to the current limit. Idempotent."""
        while True:
            entry = await self._cache.bucket.read(lane)
            self._cache.note(lane, entry)
            limit = self._limit(lane, entry.readable)
            await self._set_cap(lane, limit.cap)
            if (await self._cache.bucket.read(lane)).revision == entry.revision:
                return limit

    async def _set_cap(self, lane: str, cap: int) -> None:
        info = await self._jetstream.api(f"CONSUMER.INFO.WORK.{lane_consumer(lane)}")
        config = info["config"]
        if config["max_ack_pending"] == cap:
            return
        name = f"CONSUMER.CREATE.WORK.{lane_consumer(lane)}.{config['filter_subject']}"
        changed = {**config, "max_ack_pending": cap}
        await self._jetstream.api(name, {"stream_name": "WORK", "config": changed})

    def _limit(self, lane: str, laid_over: dict[str, Any]) -> LaneLimit:
        limits = {name: each for name, each in laid_over.items() if each is not None}
        return LaneLimit.model_validate({"cap": self._lanes[lane].cap, **limits})
