"""
Orphans: messages of a work queue that were acknowledged and are there again.

A server that is killed may have kept an acknowledgement and lost the deletion it caused. No consumer is
delivered such a message again, and a single server never looks for it (nats-server 2.15.1 does so at
start for interest streams only: `checkForOrphanMsgs` in its jetstream.go). It would take room for ever,
and its job would look as if work on it were under way.
"""

from collections.abc import AsyncIterator
from typing import Any

from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.jetstream_errors import NOT_FOUND, ApiError

_ALREADY_GONE = 10043  #: err_code: deleted already, as by an acknowledgement


async def delete_orphans(jetstream: JetStream, stream: str) -> list[str]:
    """
    Delete what consumers of a work queue have acknowledged up to their floor. Returns the subjects.

    A job whose message is gone is put back by the sweeper if it has not ended. Raises Unavailable.
    """
    deleted = []
    async for consumer in _consumers(jetstream, stream):
        subject, floor = consumer["config"]["filter_subject"], consumer["ack_floor"]["stream_seq"]
        while (orphan := await _first(jetstream, stream, subject)) and orphan["seq"] <= floor:
            await _delete(jetstream, stream, orphan["seq"])
            deleted.append(orphan["subject"])
    return deleted


async def _consumers(jetstream: JetStream, stream: str) -> AsyncIterator[dict[str, Any]]:
    offset = 0
    while True:
        page = await jetstream.api(f"CONSUMER.LIST.{stream}", {"offset": offset})
        for consumer in page["consumers"]:
            yield consumer
        offset += page["limit"]
        if offset >= page["total"]:
            return


async def _first(jetstream: JetStream, stream: str, subject: str) -> dict[str, Any] | None:
    query = {"seq": 1, "next_by_subj": subject}
    try:
        reply = await jetstream.api(f"STREAM.MSG.GET.{stream}", query)
    except ApiError as error:
        if error.code != NOT_FOUND:
            raise
        return None
    message: dict[str, Any] = reply["message"]
    return message


async def _delete(jetstream: JetStream, stream: str, sequence: int) -> None:
    try:
        await jetstream.api(f"STREAM.MSG.DELETE.{stream}", {"seq": sequence})
    except ApiError as error:
        if error.err_code != _ALREADY_GONE:
            raise
