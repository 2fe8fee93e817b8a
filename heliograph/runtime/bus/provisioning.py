"""
Provisioning: creates and updates all streams, consumers and buckets.

By raw API JSON, because the client's own classes drop fields they do not know, and idempotently,
because every process does it when it starts, unless its NATS user may not. What the server echoes is
compared with what was asked: servers silently drop fields that they do not know.
"""

import secrets

import structlog
from nats.aio.client import Client

from heliograph.contracts.catalog import Catalog
from heliograph.contracts.errors import Unavailable
from heliograph.contracts.level import KEY, LEVEL
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.jetstream_errors import NOT_FOUND, ApiError
from heliograph.runtime.bus.lanes import Lanes
from heliograph.runtime.bus.server_check import UnsupportedServer, check_server, check_version
from heliograph.runtime.bus.stream_configs import GATEWAY, Config, consumers, streams
from heliograph.runtime.settings import ServiceSettings

log = structlog.get_logger()

EPOCH = "epoch"  #: key in the metadata of EVENTS: names this history of sequences
RESTORING = "restoring"  #: another: it is there until a restore is over, and services wait

_NO_STORE = frozenset({10047, 10023})  #: err_code of a stream that the store has no room for


async def provision(connection: Client, settings: ServiceSettings, catalog: Catalog) -> str:
    """
    Make sure that everything is there, and fit. Returns the epoch of EVENTS.

    Raises:
        UnsupportedServer: The operator must change the server or a stream; a restart does not help.
        Unavailable: The server does not respond; try again.
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


async def check_provisioned(connection: Client, settings: ServiceSettings, catalog: Catalog) -> str:
    """
    Make sure that everything is there, in a process that makes nothing. Returns the epoch of EVENTS.

    What is configured otherwise is logged: another release may have provisioned.

    Raises:
        UnsupportedServer: The operator must change the server or a stream.
        Unavailable: A stream or bucket is missing, or the server does not respond; try again.
    """
    check_version(connection)
    jetstream = JetStream(connection)
    for config in streams(settings):
        existing = await _existing(jetstream, f"STREAM.INFO.{config['name']}")
        if differences := _differences(config, existing):
            log.warning(
                "Stream configuration differs", stream=config["name"], differences=differences
            )
    for config in consumers(settings, dict.fromkeys(catalog.lanes, 0)):
        await _existing(jetstream, f"CONSUMER.INFO.{_stream_of(config)}.{config['durable_name']}")
    return await epoch(jetstream)


async def _existing(jetstream: JetStream, call: str) -> Config:
    """The configuration of a stream or consumer. Raises Unavailable."""
    try:
        config: Config = (await jetstream.api(call))["config"]
    except ApiError as error:
        if error.code != NOT_FOUND:
            raise
        name = call.rpartition(".")[2]
        raise Unavailable(f"{name} is missing: run `heliograph provision`") from error
    return config


def too_large(config: Config, expected: list[Config]) -> str:
    """Why a stream cannot be made or changed, and what an operator can do."""
    needed = sum(each["max_bytes"] for each in expected)
    return (
        f"{config['name']} may take {config['max_bytes']} bytes, for which the store has no room: all "
        f"streams together may take {needed}. Set `max_file_store` of the NATS server above that, or "
        "lower HELIOGRAPH_EVENTS_MAX_BYTES or the bound of another stream"
    )


async def epoch(jetstream: JetStream) -> str:
    """
    The name of this history of sequences: the same from every process and over restarts.

    Raises:
        Unavailable: NATS does not respond, or a restore has not ended.
    """
    metadata = (await jetstream.api("STREAM.INFO.EVENTS"))["config"]["metadata"]
    if RESTORING in metadata:
        raise Unavailable(
            "the event log is being restored; if that was interrupted, run `heliograph restore` again"
        )
    return str(metadata[EPOCH])


async def is_restoring(jetstream: JetStream) -> bool:
    """Whether there is an event log whose restore is not over. Raises Unavailable."""
    try:
        config = (await jetstream.api("STREAM.INFO.EVENTS"))["config"]
    except ApiError as error:
        if error.code != NOT_FOUND:
            raise
        return False
    return RESTORING in (config.get("metadata") or {})


async def end_restoring(jetstream: JetStream) -> None:
    """Mark the restore as ended, so that services can start. Raises Unavailable."""
    config = (await jetstream.api("STREAM.INFO.EVENTS"))["config"]
    config["metadata"] = {k: v for k, v in config["metadata"].items() if k != RESTORING}
    await jetstream.api("STREAM.UPDATE.EVENTS", config)


async def _ensure_stream(jetstream: JetStream, config: Config) -> None:
    name = config["name"]
    try:
        existing = (await jetstream.api(f"STREAM.INFO.{name}"))["config"]
    except ApiError as error:
        if error.code != NOT_FOUND:
            raise
        if name == "EVENTS":
            config = {**config, "metadata": {EPOCH: secrets.token_hex(8), KEY: str(LEVEL)}}
        existing = await _create_stream(jetstream, config)
    if _differences(config, existing):
        changed = {**config, "metadata": existing.get("metadata", {})}
        existing = (await jetstream.api(f"STREAM.UPDATE.{name}", changed))["config"]
    _refuse(name, _differences(config, existing))


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
    name, stream = config["durable_name"], _stream_of(config)
    call = f"CONSUMER.CREATE.{stream}.{name}.{config['filter_subject']}"
    await jetstream.api(call, {"stream_name": stream, "config": config})
    # not the response to the change: the first after a restart shows the old configuration (2.15.1)
    existing = (await jetstream.api(f"CONSUMER.INFO.{stream}.{name}"))["config"]
    _refuse(name, _differences(config, existing))


def _stream_of(consumer: Config) -> str:
    return "REQUESTS" if consumer["durable_name"] == GATEWAY else "WORK"


def _differences(expected: Config, existing: Config) -> list[str]:
    """Fields that differ from the configuration. Metadata is the server's and ours together: not compared."""
    return [
        f"{field} is {existing.get(field)!r}, asked for {value!r}"
        for field, value in expected.items()
        if field != "metadata" and existing.get(field) != value
    ]


def _refuse(name: str, differences: list[str]) -> None:
    if differences:
        raise UnsupportedServer(f"{name}: {'; '.join(differences)}")
