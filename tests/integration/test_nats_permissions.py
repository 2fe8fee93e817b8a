"""Each NATS user may do what the table says, and the server refuses everything else."""

import asyncio
import pkgutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import nats
import nats.errors
import pytest
from nats.aio.client import Client
from nats.js.api import ConsumerConfig

from heliograph.client_errors import ClientError
from heliograph.contracts import queries
from heliograph.contracts.queries import Query
from heliograph.operator.bus_users import add_bus_user
from heliograph.operator.provisioning import provision
from heliograph.runtime.backup.restore import restore_backup
from heliograph.runtime.backup.save import save_backup
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.permissions import SERVICES, outside_permissions, permissions
from heliograph.runtime.bus.server_users import server_users
from heliograph.runtime.bus.stream_configs import NOT_SAVED, SAVED, streams
from heliograph.runtime.bus.subject_permissions import Permissions
from heliograph.runtime.nats_users import NatsUsers
from heliograph.runtime.settings import ServiceSettings
from tests.support.flush import flush
from tests.support.records import CATALOG
from tests.support.servers import Program, nats_running
from tests.support.timeouts import TIMEOUT

TABLE = permissions(CATALOG.lanes)

#: what none of our users may do
FORBIDDEN = (
    "$JS.API.STREAM.DELETE.EVENTS",
    "$JS.API.STREAM.PURGE.KV_keys",
    "$JS.API.STREAM.MSG.DELETE.EVENTS",
    "$JS.API.CONSUMER.DELETE.WORK.storage",
    "$JS.API.ACCOUNT.PURGE.heliograph",
    "$SYS.REQ.SERVER.PING.VARZ",
    "_INBOX.anybody",
    "anything",
)

#: who is refused what, said by hand: a mistake in the table would be one in what is derived from it
DENIED = [
    ("gateway", "run.shots.demo.job"),
    ("gateway", "store.demo.job"),
    ("gateway", "$JS.API.STREAM.PURGE.EVENTS"),
    ("gateway", "$JS.API.CONSUMER.MSG.NEXT.WORK.lane-shots"),
    ("render", "$KV.slots.demo.portrait"),
    ("render", "$KV.tickets.digest"),
    ("render", "$KV.sessions.digest"),
    ("render", "budget.demo"),
    ("render", "$JS.API.STREAM.PURGE.EVENTS"),
    ("render", "$JS.API.CONSUMER.MSG.NEXT.WORK.storage"),
    ("render", "$JS.API.CONSUMER.MSG.NEXT.REQUESTS.gateway"),
    ("storage", "queue.shots.normal.demo.job"),
    ("storage", "run.shots.demo.job"),
    ("storage", "$KV.lanes.shots"),
    ("storage", "$JS.API.STREAM.PURGE.WORK"),
    ("status", "run.shots.demo.job"),
    ("status", "$KV.lanes.shots"),
    ("status", "$KV.projects.demo"),
    ("provision", "events.demo.job"),
    ("provision", "$KV.keys.id"),
    ("operator", "events.demo.job"),
    ("operator", "queue.shots.normal.demo.job"),
    ("operator", "$JS.API.STREAM.SNAPSHOT.EVENTS"),
    ("backup", "events.demo.job"),
    ("backup", "$JS.API.STREAM.RESTORE.EVENTS"),
    ("backup", "$JS.API.STREAM.SNAPSHOT.KV_sessions"),
    ("restore", "$JS.API.STREAM.SNAPSHOT.EVENTS"),
    ("restore", "$JS.API.STREAM.UPDATE.WORK"),
    ("restore", "$KV.keys.id"),
]


def _sample(pattern: str) -> str:
    """A subject that a pattern means."""
    return pattern.replace("*", "any").replace(">", "any.thing")


SUBJECTS = sorted(
    {_sample(each) for own in TABLE.values() for each in own.publish | own.subscribe} | {*FORBIDDEN}
)


def _matches(pattern: str, subject: str) -> bool:
    """As NATS reads wildcards."""
    parts, given = pattern.split("."), subject.split(".")
    if parts[-1] == ">":
        return len(given) >= len(parts) and _matches(
            ".".join(parts[:-1]), ".".join(given[: len(parts) - 1])
        )
    return len(parts) == len(given) and all(
        one in ("*", other) for one, other in zip(parts, given, strict=True)
    )


def _allows(patterns: frozenset[str], subject: str) -> bool:
    return any(_matches(each, subject) for each in patterns)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceSettings]:
    """A server of its own: what is asked of it here would break another's streams."""
    with nats_running(tmp_path_factory.mktemp("permissions")) as running:
        yield running.settings


def _place(settings: ServiceSettings) -> str:
    """The address of the server without a user, in a container or not."""
    return f"nats://{settings.nats.removeprefix('nats://').rpartition('@')[2]}"


def _seed_file(settings: ServiceSettings, user: str) -> str:
    return str(settings.folder.nats_users.user(user).seed_file)


@asynccontextmanager
async def _connected(
    settings: ServiceSettings, user: str, refused: set[str] | None = None
) -> AsyncIterator[Client]:
    """A client as a user; in `refused` is noted what the server says no to, in small letters."""

    async def note(error: Exception) -> None:
        if refused is not None and "permissions violation" in str(error).lower():
            refused.add(str(error).lower())

    client = await nats.connect(
        _place(settings),
        nkeys_seed=_seed_file(settings, user),
        inbox_prefix=f"_INBOX_{user}",
        error_cb=note,
    )
    try:
        yield client
    finally:
        await client.close()


@pytest.mark.parametrize("user", TABLE)
async def test_a_user_publishes_what_its_table_says_and_nothing_else(
    server: ServiceSettings, user: str
) -> None:
    refused: set[str] = set()
    async with _connected(server, user, refused) as client:
        for subject in SUBJECTS:
            await client.publish(subject, b"{}")
        await flush(client)

    for subject in SUBJECTS:
        said_no = f'nats: permissions violation for publish to "{subject.lower()}"' in refused
        assert said_no is not _allows(TABLE[user].publish, subject), subject


@pytest.mark.parametrize("user", TABLE)
async def test_a_user_hears_what_its_table_says_and_nothing_else(
    server: ServiceSettings, user: str
) -> None:
    refused: set[str] = set()
    async with _connected(server, user, refused) as client:
        for subject in SUBJECTS:
            await client.subscribe(subject)
        await flush(client)

    for subject in SUBJECTS:
        said_no = f'nats: permissions violation for subscription to "{subject.lower()}"' in refused
        assert said_no is not _allows(TABLE[user].subscribe, subject), subject


@pytest.mark.parametrize(("user", "subject"), DENIED)
def test_no_service_does_the_work_of_another(user: str, subject: str) -> None:
    assert not _allows(TABLE[user].publish, subject)


@pytest.mark.parametrize("user", TABLE)
@pytest.mark.parametrize("subject", FORBIDDEN)
def test_no_user_of_ours_may_do_all(user: str, subject: str) -> None:
    known = TABLE[user]

    allowed = _allows(known.publish, subject) or _allows(known.subscribe, subject)

    assert not allowed or (user, subject) == ("operator", "$JS.API.STREAM.MSG.DELETE.EVENTS")


@pytest.mark.parametrize("user", SERVICES)
def test_both_forms_of_acknowledgements_are_allowed(user: str) -> None:
    """Servers are about to acknowledge with the domain and the account in the subject (ADR-53)."""
    pulled = [each.split(".")[-2:] for each in TABLE[user].publish if ".MSG.NEXT." in each]

    for stream, consumer in pulled:
        for prefix in ("$JS.ACK", "$JS.ACK.hub.hash"):
            assert _allows(TABLE[user].publish, f"{prefix}.{stream}.{consumer}.1.2.3.4.5")
            assert not _allows(TABLE[user].publish, f"{prefix}.{stream}.other.1.2.3.4.5")


@pytest.mark.parametrize("name", [config["name"] for config in streams(ServiceSettings())])
def test_every_stream_is_somebodys(name: str) -> None:
    """A new bucket or stream that no service may write has been forgotten in the table."""
    config = next(each for each in streams(ServiceSettings()) if each["name"] == name)
    samples = [_sample(each) for each in config["subjects"]]
    own = [TABLE[user].publish for user in SERVICES]
    # requests come from other services
    own.append(outside_permissions("any", ["any"]).publish)

    assert all(any(_allows(each, subject) for each in own) for subject in samples)


@pytest.mark.parametrize("name", [config["name"] for config in streams(ServiceSettings())])
def test_a_backup_has_a_stream_or_leaves_it_out_on_purpose(name: str) -> None:
    assert (name in SAVED) is not (name in NOT_SAVED)


def _queries(shape: type[Any] = Query) -> Iterator[type[Any]]:
    """Every class of queries that has a subject."""
    for module in pkgutil.iter_modules(queries.__path__, f"{queries.__name__}."):
        import_module(module.name)
    for each in shape.__subclasses__():
        yield from [each] if "subject" in vars(each) else []
        yield from _queries(each)


@pytest.mark.parametrize("subject", sorted({each.subject for each in _queries()}))
def test_every_query_is_asked_and_answered(subject: str) -> None:
    subject = _sample(subject)

    assert any(_allows(TABLE[user].publish, subject) for user in SERVICES)
    assert any(TABLE[user].replies and _allows(TABLE[user].subscribe, subject) for user in SERVICES)


async def test_a_reply_goes_to_who_asked_once(server: ServiceSettings) -> None:
    refused: set[str] = set()
    async with (
        _connected(server, "gateway") as gateway,
        _connected(server, "status", refused) as status,
    ):
        asked = await status.subscribe("query.jobs.find")
        await flush(status)
        reply = asyncio.create_task(gateway.request("query.jobs.find", b"", timeout=10))
        request = await asked.next_msg(timeout=10)
        await request.respond(b"once")
        assert (await reply).data == b"once"
        await request.respond(b"twice")
        await flush(status)

    assert len(refused) == 1


async def test_two_users_save_a_deployment_and_put_it_back(tmp_path: Path) -> None:
    refused: set[str] = set()
    folder = tmp_path / "backup"
    with nats_running(tmp_path / "old") as old:
        await provision(old.settings)
        async with _connected(old.settings, "backup", refused) as client:
            saved = await save_backup(JetStream(client), old.settings, folder, with_objects=False)
            await flush(client)
    with nats_running(tmp_path / "new") as new:
        async with _connected(new.settings, "restore", refused) as client:
            restored = await restore_backup(JetStream(client), new.settings, folder)
            await flush(client)

    assert refused == set()
    assert [copy.name for copy in saved.streams] == list(SAVED)
    assert restored.streams == len(SAVED) - 1  # without the requests that no gateway had taken


async def test_another_service_sees_its_projects_only(tmp_path: Path) -> None:
    add_bus_user(ServiceSettings(home=tmp_path), "agency", ["demo"], login="nkey")
    refused: set[str] = set()
    with nats_running(tmp_path) as running:
        await provision(running.settings)
        async with _connected(running.settings, "agency", refused) as client:
            stream = client.jetstream()
            acknowledged = await stream.publish("requests.demo", b"{}", headers={"ce-id": "one"})
            events = await stream.pull_subscribe(
                "events.demo.>",
                durable="agency_demo",
                stream="EVENTS",
                config=ConsumerConfig(filter_subject="events.demo.>"),
            )
            with pytest.raises(nats.errors.TimeoutError):
                await events.fetch(1, timeout=0.2)
            await client.publish("requests.other", b"{}")
            await client.subscribe("events.other.>")
            await client.publish("$JS.API.CONSUMER.CREATE.EVENTS.agency_demo.events.other.>", b"{}")
            await flush(client)

    assert acknowledged.stream == "REQUESTS"
    assert {each.partition('"')[2].rstrip('"') for each in refused} == {
        "requests.other",
        "events.other.>",
        "$js.api.consumer.create.events.agency_demo.events.other.>",
    }


def test_no_two_users_share_a_consumer() -> None:
    """Whatever their names and projects are: one would read what the other's filter lets through."""
    one, other = outside_permissions("a", ["b-c"]), outside_permissions("a-b", ["c"])

    assert not one.publish & other.publish


async def test_a_user_that_is_made_while_the_server_runs_is_let_in(tmp_path: Path) -> None:
    with nats_running(tmp_path) as running:
        if not isinstance(running, Program):
            pytest.skip("a server in a container has no process here")
        assert running.running
        running.settings.folder.pid_file("nats").write_text(f"{running.running.pid}\n")

        add_bus_user(running.settings, "agency", ["demo"])
        async with asyncio.timeout(TIMEOUT):
            while not await _is_let_in(running.settings, "agency"):
                await asyncio.sleep(0.05)


async def _is_let_in(settings: ServiceSettings, user: str) -> bool:
    async def ignore(_: Exception) -> None:
        pass

    password = settings.folder.nats_users.user(user, login="password").password
    assert password
    client = Client()  # its own, because it has to be closed when it is refused as well
    try:
        await client.connect(
            _place(settings),
            user=user,
            password=password.get_secret_value(),
            allow_reconnect=False,
            error_cb=ignore,
        )
    except (nats.errors.Error, ConnectionError):
        return False
    finally:
        await client.close()
    return True


def test_a_name_of_ours_is_not_given_to_another_service(tmp_path: Path) -> None:
    settings = ServiceSettings(home=tmp_path)
    add_bus_user(settings, "agency", ["demo"])

    with pytest.raises(ClientError, match="our own"):
        add_bus_user(settings, "render", ["demo"])
    with pytest.raises(ClientError, match="exists, for demo"):
        add_bus_user(settings, "agency", ["other"])


def test_a_user_with_an_nkey_gets_no_password(tmp_path: Path) -> None:
    settings = ServiceSettings(home=tmp_path)
    add_bus_user(settings, "agency", ["demo"], login="nkey")

    with pytest.raises(ClientError, match="exists, with an nkey"):
        add_bus_user(settings, "agency", ["demo"])


def test_a_user_may_log_in_by_nkey_and_by_password(tmp_path: Path) -> None:
    users = ServiceSettings(home=tmp_path).folder.nats_users
    users.user("agency", ["demo"], login="password")
    users.user("agency", ["demo"], login="nkey")

    entries = [each for each in server_users(users, ["shots"]) if not _is_ours(users, each)]

    assert [sorted(entry) for entry in entries] == [
        ["nkey", "permissions"],
        ["password", "permissions", "user"],
    ]
    assert entries[0]["permissions"] == entries[1]["permissions"]


def _is_ours(users: NatsUsers, entry: dict[str, Any]) -> bool:
    return entry.get("nkey") in {users.user(name).nkey for name in TABLE}


VIOLATION = """
import asyncio
from heliograph.runtime.bus.connection import Connection
from heliograph.runtime.settings import ServiceSettings

async def violate() -> None:
    connection = Connection(ServiceSettings(), "storage")
    await connection.open()
    await connection.client.publish("queue.shots.normal.demo.job", b"")
    await connection.client.flush()
    await asyncio.sleep(30)

asyncio.run(violate())
"""


def test_a_violation_ends_the_process_and_names_the_subject(
    server: ServiceSettings, tmp_path: Path
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", VIOLATION],
        env={
            "HELIOGRAPH_NATS_URL": _place(server),
            "HELIOGRAPH_NATS_NKEY_FILE": _seed_file(server, "storage"),
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 70
    assert 'publish to "queue.shots.normal.demo.job"' in ended.stdout + ended.stderr


def test_what_is_granted_is_written_as_the_server_reads_it() -> None:
    granted = Permissions(frozenset({"b", "a"}), frozenset({"c"}), replies=True)

    assert granted.configuration() == {
        "publish": {"allow": ["a", "b"]},
        "subscribe": {"allow": ["c"]},
        "allow_responses": {"max": 1, "expires": "5m"},
    }
