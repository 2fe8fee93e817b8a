"""Subjects that a NATS user needs for one kind of use, with those of the JetStream API (NATS ADR-15)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from heliograph.runtime.bus.lanes import lane_consumer

_REPLY_WITHIN = "5m"  #: longer than any query waits: a late reply would end the process


@dataclass(frozen=True)
class Permissions:
    """Subjects, with wildcards; everything else is refused."""

    publish: frozenset[str] = frozenset()
    subscribe: frozenset[str] = frozenset()
    replies: bool = False  #: whether it may send one reply to each request that it receives

    def configuration(self) -> dict[str, Any]:
        """The permissions as written in the server's configuration."""
        allowed = {
            "publish": {"allow": sorted(self.publish)},
            "subscribe": {"allow": sorted(self.subscribe)},
        }
        responses = {"allow_responses": {"max": 1, "expires": _REPLY_WITHIN}}
        return allowed | (responses if self.replies else {})


def combined(*parts: Permissions) -> Permissions:
    """Union of permissions."""
    return Permissions(
        publish=frozenset().union(*(each.publish for each in parts)),
        subscribe=frozenset().union(*(each.subscribe for each in parts)),
        replies=any(each.replies for each in parts),
    )


def publishes(*subjects: str) -> Permissions:
    return Permissions(publish=frozenset(subjects))


def hears(*subjects: str) -> Permissions:
    """Receive what is published there."""
    return Permissions(subscribe=frozenset(subjects))


def serves(*subjects: str) -> Permissions:
    """Receive requests, and reply to them."""
    return Permissions(subscribe=frozenset(subjects), replies=True)


def inbox(user: str) -> Permissions:
    """Permission for the user's own replies only (see `Connection`)."""
    return hears(f"_INBOX_{user}.>")


def reads(*streams: str) -> Permissions:
    """Read from any copy (NATS ADR-31), and from the leader where a copy may lag."""
    calls = ("DIRECT.GET", "STREAM.MSG.GET")
    return publishes(*(f"$JS.API.{call}.{each}" for each in streams for call in calls))


def purges(*streams: str) -> Permissions:
    """Purge a stream: the filter stands in the body, which permissions do not see."""
    return publishes(*(f"$JS.API.STREAM.PURGE.{each}" for each in streams))


def writes(*buckets: str) -> Permissions:
    """Read and write the keys of buckets."""
    return combined(
        reads(*(f"KV_{each}" for each in buckets)),
        publishes(*(f"$KV.{each}.>" for each in buckets)),
    )


def watches(*buckets: str) -> Permissions:
    """Read and watch buckets."""
    return combined(
        reads(*(f"KV_{each}" for each in buckets)), hears(*(f"$KV.{each}.>" for each in buckets))
    )


def pulls(stream: str, consumer: str) -> Permissions:
    """
    Pull from a durable consumer, and acknowledge.

    Servers with another domain or account name acknowledge in the longer form (NATS ADR-15 and 53).
    """
    return publishes(
        f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}",
        f"$JS.API.CONSUMER.INFO.{stream}.{consumer}",
        f"$JS.ACK.{stream}.{consumer}.>",
        f"$JS.ACK.*.*.{stream}.{consumer}.>",
    )


def follows(stream: str) -> Permissions:
    """Follow a stream by ordered consumers, which stall without their flow control."""
    return publishes(
        f"$JS.API.CONSUMER.CREATE.{stream}",
        f"$JS.API.CONSUMER.DELETE.{stream}.*",
        f"$JS.FC.{stream}.>",
        f"$JS.FC.*.*.{stream}.>",
    )


def caps(lanes: Iterable[str]) -> Permissions:
    """Change the caps of lanes, which their consumers keep."""
    names = {lane: lane_consumer(lane) for lane in lanes}
    return publishes(
        *(f"$JS.API.CONSUMER.CREATE.WORK.{name}.run.{lane}.>" for lane, name in names.items())
    )


def saves(stream: str) -> Permissions:
    """
    Take a snapshot of a stream, whose chunks are acknowledged.

    The acknowledgement names the snapshot, the size of the chunk and its number.
    """
    return publishes(f"$JS.API.STREAM.SNAPSHOT.{stream}", f"$JS.SNAPSHOT.ACK.{stream}.>")


def restores(stream: str) -> Permissions:
    """Make a stream from its snapshot, chunk by chunk."""
    return publishes(f"$JS.API.STREAM.RESTORE.{stream}", f"$JS.SNAPSHOT.RESTORE.{stream}.*")


def provisions() -> Permissions:
    """Make and change every stream and durable consumer."""
    calls = ("STREAM.CREATE.*", "STREAM.UPDATE.*", "CONSUMER.CREATE.*.*.>")
    return publishes(*(f"$JS.API.{call}" for call in calls))
