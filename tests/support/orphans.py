"""A message as a killed server may leave it: acknowledged, and there all the same."""

import secrets

from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.work_queue import STREAM


async def make_orphan(bus: NatsBus) -> str:
    """
    Store a message below the floor of a consumer that has it in its filter. Returns its subject.

    The consumer got the filter afterwards, as a server cannot be told to lose a deletion.
    """
    lane = f"run.{secrets.token_hex(4)}"
    subjects = [f"{lane}.orphan.job", f"{lane}.acknowledged.job"]
    for subject in subjects:
        await bus.jetstream.publish(subject, b"{}", {})
    name = lane.replace(".", "-")
    await _consume(bus, name, subjects[1])
    messages = await bus.client.jetstream().pull_subscribe_bind(name, stream=STREAM)
    [message] = await messages.fetch(1)
    await message.ack_sync()
    await _consume(bus, name, f"{lane}.>")
    return subjects[0]


async def _consume(bus: NatsBus, name: str, subject: str) -> None:
    config = {
        "durable_name": name,
        "filter_subject": subject,
        "deliver_policy": "all",
        "ack_policy": "explicit",
        "inactive_threshold": 60_000_000_000,
    }
    request = {"stream_name": STREAM, "config": config}
    await bus.jetstream.api(f"CONSUMER.CREATE.{STREAM}.{name}.{subject}", request)
