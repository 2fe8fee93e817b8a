"""Level of a deployment: what older releases have to understand."""

from heliograph.contracts.level import LEVEL
from heliograph.operator.connection import operator_jetstream
from heliograph.runtime.bus.levels import raise_level, read_level


async def show_level() -> tuple[int, int]:
    """The level of the deployment, and that of this release. Raises ClientError."""
    async with operator_jetstream() as jetstream:
        return await read_level(jetstream), LEVEL


async def raise_to_own() -> int:
    """Raise the level of the deployment to that of this release. Raises ClientError."""
    async with operator_jetstream() as jetstream:
        return await raise_level(jetstream)
