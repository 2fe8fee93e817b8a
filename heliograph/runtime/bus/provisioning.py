"""
The streams, consumers and buckets Heliograph lives on, provisioned in this one place.

By raw API JSON, because the client's own classes drop fields they do not know, and idempotently,
because every process does it when it starts. What the server echoes is compared with what was
asked: servers drop what they do not understand without a word.
"""

import re
import secrets
from typing import Any

import structlog
from nats.aio.client import Client

from heliograph.contracts import subjects
from heliograph.contracts.catalog import Catalog
from heliograph.contracts.level import KEY, LEVEL
from heliograph.runtime.bus.jetstream import NOT_FOUND, ApiError, JetStream
from heliograph.runtime.bus.lanes import Lanes, lane_consumer
from heliograph.runtime.bus.nats_monitor import read_configuration
from heliograph.runtime.settings import ServiceSettings

log = structlog.get_logger()

OLDEST_SERVER = (2, 14, 5)  #: the first with every fix the threat model asks for
STORAGE = "storage"  #: the consumer of everything to be stored
GATEWAY = "gateway"  #: the consumer of what other services ask for
_REQUESTS_AT_ONCE = 64  #: requests from the bus under way together, over all gateways
_REQUESTS_WAITING = 10_000  #: of one project
_REFUSALS_KEPT = 10_000  #: of one project, the newest
EPOCH = "epoch"  #: key in the metadata of EVENTS: names this history of sequences
_SECOND = 1_000_000_000  #: nanoseconds
_MIB = 2**20  #: bytes
_NO_STORE = frozenset({10047, 10023})  #: err_code of a stream that the store has no room for

Config = dict[str, Any]


class UnsupportedServer(Exception):
    """The NATS server cannot keep our promises; the message says what to change on it."""


def streams(settings: ServiceSettings) -> list[Config]:
    """Configuration of every stream."""
    return [
        {
            "name": "EVENTS",
            "subjects": [subjects.EVENTS],
            "retention": "limits",
            "storage": "file",
            "allow_direct": True,
            "allow_atomic": True,
            "max_bytes": settings.events_max_bytes,
            "discard": "new",  # refusing is honest; dropping the oldest would forget keys
            "deny_delete": True,
            "duplicate_window": 120 * _SECOND,
        },
        {
            "name": "WORK",
            "subjects": [subjects.QUEUE, "run.>", subjects.STORE],
            "retention": "workqueue",
            "storage": "file",
            "allow_direct": True,
            "allow_msg_schedules": True,
            "republish": {"src": subjects.QUEUE, "dest": subjects.QUEUED},
            "max_bytes": settings.work_max_bytes,
            # the only policy beside schedules (err_code 10052); acceptance stops before it is
            # needed, and the sweeper puts back what it takes
            "discard": "old",
        },
        {
            "name": "REQUESTS",
            "subjects": [subjects.REQUESTS],
            "retention": "workqueue",
            "storage": "file",
            "max_bytes": settings.requests_max_bytes,
            "discard": "new",  # the publisher is told
            "max_msgs_per_subject": _REQUESTS_WAITING,
            "discard_new_per_subject": True,
            "duplicate_window": _SECOND // 10,  # `Nats-Msg-Id` counts per stream: keys are `ce-id`
        },
        {
            "name": "REFUSALS",
            "subjects": [subjects.REFUSALS],
            "retention": "limits",
            "storage": "file",
            "allow_direct": True,
            "max_age": 7 * 86_400 * _SECOND,
            "max_bytes": settings.refusals_max_bytes,
            "discard": "old",
            "max_msgs_per_subject": _REFUSALS_KEPT,
        },
        {
            "name": "DEAD",
            "subjects": ["dead.>"],
            "retention": "limits",
            "storage": "file",
            "allow_direct": True,
            "max_age": 90 * 86_400 * _SECOND,
            "max_bytes": settings.dead_max_bytes,
            "discard": "old",
        },
        _bucket("lanes", 8 * _MIB, history=5),
        _bucket("accounts", 64 * _MIB, history=5),
        _bucket("leases", 8 * _MIB),
        _bucket("purges", _MIB),
        _bucket("slots", settings.slots_max_bytes),
        _bucket("uploads", 64 * _MIB),
        {**_bucket("projects", 128 * _MIB), "max_msgs": settings.max_projects},
        # an old plan may go: the keys of its jobs stay, so a request that is sent again pays nothing
        {
            **_bucket("plans", settings.plans_max_bytes),
            "max_age": int(settings.plan_retention.total_seconds()) * _SECOND,
            "discard": "old",
        },
        # what is written again stands last: the server forgets what was not used for longest
        {
            **_bucket("brought", 64 * _MIB),
            "max_msgs": settings.reference_copies,
            "discard": "old",
        },
    ]


def _bucket(name: str, max_bytes: int, *, history: int = 1) -> Config:
    """
    A key-value bucket is a stream with these settings (NATS ADR-8).

    A full one refuses even a value that takes the place of another of the same size; so those that
    everything depends on are far larger than what they can hold.
    """
    return {
        "name": f"KV_{name}",
        "subjects": [f"$KV.{name}.>"],
        "retention": "limits",
        "storage": "file",
        "max_bytes": max_bytes,
        "max_msgs_per_subject": history,
        "discard": "new",
        "allow_rollup_hdrs": True,
        "deny_delete": True,
        "allow_direct": True,
    }


def consumers(settings: ServiceSettings, caps: dict[str, int]) -> list[Config]:
    """Every durable consumer. `max_ack_pending` is the cap over all processes."""
    lanes = [
        _pull(lane_consumer(lane), subjects.runs(lane), cap, settings.ack_wait)
        for lane, cap in caps.items()
    ]
    return [
        *lanes,
        _pull(STORAGE, subjects.STORE, settings.storage_concurrency, settings.ack_wait),
        _pull(GATEWAY, subjects.REQUESTS, _REQUESTS_AT_ONCE, settings.ack_wait),
    ]


def _pull(name: str, subject: str, cap: int, ack_wait: float) -> Config:
    return {
        "durable_name": name,
        "filter_subject": subject,
        "deliver_policy": "all",
        "ack_policy": "explicit",
        "ack_wait": int(ack_wait * _SECOND),
        "max_ack_pending": cap,
        "max_waiting": 512,
        "max_deliver": -1,
    }


async def provision(connection: Client, settings: ServiceSettings, catalog: Catalog) -> str:
    """
    Make sure that everything is there, and fit. Returns the epoch of EVENTS.

    Raises:
        UnsupportedServer: An operator must change the server or a stream; starting again does not help.
        Unavailable: The server does not answer; try again.
    """
    await check_server(connection, settings)
    jetstream = JetStream(connection)
    expected = streams(settings)
    for config in expected:
        try:
            await _ensure_stream(jetstream, config)
        except ApiError as error:
            if error.err_code not in _NO_STORE:
                raise
            raise UnsupportedServer(too_large(config, expected)) from error
    lanes = Lanes(jetstream, catalog.lanes)
    caps = {lane: (await lanes.limit(lane)).cap for lane in catalog.lanes}
    for config in consumers(settings, caps):
        await _ensure_consumer(jetstream, config)
    return await epoch(jetstream)


def too_large(config: Config, expected: list[Config]) -> str:
    """Why a stream cannot be made or changed, and what an operator can do."""
    needed = sum(each["max_bytes"] for each in expected)
    return (
        f"{config['name']} may take {config['max_bytes']} bytes, for which the store has no room: all "
        f"streams together may take {needed}. Set `max_file_store` of the NATS server above that, or "
        "lower HELIOGRAPH_EVENTS_MAX_BYTES or the bound of another stream"
    )


async def epoch(jetstream: JetStream) -> str:
    """The name of this history of sequences: the same from every process and over restarts."""
    info = await jetstream.api("STREAM.INFO.EVENTS")
    return str(info["config"]["metadata"][EPOCH])


async def check_server(connection: Client, settings: ServiceSettings) -> None:
    """Refuse servers that are too old, or that do not write before they acknowledge."""
    version = str(connection.connected_server_version)
    numbers = tuple(int(n) for n in re.findall(r"\d+", version)[:3])
    if numbers < OLDEST_SERVER:
        oldest = ".".join(map(str, OLDEST_SERVER))
        raise UnsupportedServer(f"nats-server {version} is too old: {oldest} or later is needed")
    configuration = await read_configuration(settings)
    if configuration is None:
        log.warning("HELIOGRAPH_NATS_MONITOR_URL is not set: sync_interval was not checked")
    elif not configuration.sync_always:
        raise UnsupportedServer(
            "set `jetstream { sync_interval: always }`: acknowledged must mean durable"
        )


async def _ensure_stream(jetstream: JetStream, config: Config) -> None:
    name = config["name"]
    try:
        found = (await jetstream.api(f"STREAM.INFO.{name}"))["config"]
    except ApiError as error:
        if error.code != NOT_FOUND:
            raise
        if name == "EVENTS":
            config = {**config, "metadata": {EPOCH: secrets.token_hex(8), KEY: str(LEVEL)}}
        found = await _create_stream(jetstream, config)
    if _differences(config, found):
        changed = {**config, "metadata": found.get("metadata", {})}
        found = (await jetstream.api(f"STREAM.UPDATE.{name}", changed))["config"]
    _refuse(name, _differences(config, found))


async def _create_stream(jetstream: JetStream, config: Config) -> Config:
    name = config["name"]
    try:
        created: Config = (await jetstream.api(f"STREAM.CREATE.{name}", config))["config"]
    except ApiError as error:
        if error.err_code in _NO_STORE:
            raise
        # another process was first, with an epoch of its own
        created = (await jetstream.api(f"STREAM.INFO.{name}"))["config"]
    return created


async def _ensure_consumer(jetstream: JetStream, config: Config) -> None:
    name = config["durable_name"]
    stream = "REQUESTS" if name == GATEWAY else "WORK"
    call = f"CONSUMER.CREATE.{stream}.{name}.{config['filter_subject']}"
    created = await jetstream.api(call, {"stream_name": stream, "config": config})
    _refuse(name, _differences(config, created["config"]))


def _differences(expected: Config, found: Config) -> list[str]:
    """Fields that differ from the configuration. Metadata is the server's and ours together: not compared."""
    return [
        f"{field} is {found.get(field)!r}, asked for {value!r}"
        for field, value in expected.items()
        if field != "metadata" and found.get(field) != value
    ]


def _refuse(name: str, differences: list[str]) -> None:
    if differences:
        raise UnsupportedServer(f"{name}: {'; '.join(differences)}")
