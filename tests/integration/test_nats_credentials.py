"""The bundled NATS server lets in only who has its credentials, and has no other door."""

import asyncio
import json
import subprocess
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import nats
import nats.errors
import pytest
from nats.aio.client import Client

from deploy.local.processes import Process, nats_server, program
from heliograph.runtime.bus.nats_monitor import read_configuration
from heliograph.runtime.settings import ServiceSettings
from tests.support.servers import Program, free_port, nats_running
from tests.support.timeouts import TIMEOUT


async def _no_callback(_: Exception) -> None:
    pass


async def test_a_stranger_is_not_let_in(tmp_path: Path) -> None:
    with nats_running(tmp_path) as server:
        place = urlsplit(server.settings.nats_login)
        address = f"nats://{place.hostname}:{place.port}"
        for user, password in ((None, None), ("heliograph", "guess")):
            client = Client()
            with pytest.raises(nats.errors.Error, match="Authorization Violation"):
                await client.connect(
                    address,
                    user=user,
                    password=password,
                    allow_reconnect=False,
                    error_cb=_no_callback,
                )
            await client.close()


def test_there_is_no_monitoring_port(tmp_path: Path) -> None:
    """Its responses said `Access-Control-Allow-Origin: *`: every page could read them."""
    settings = ServiceSettings(home=tmp_path, nats_port=free_port())
    server = Program(settings, nats_server(settings))
    server.start()
    try:
        assert server.running
        ports = _listening(server.running.pid)
        readable = [port for port in ports if _speaks_http(port)]
    finally:
        server.kill()

    assert settings.nats_port in ports
    assert readable == []


def _listening(pid: int) -> set[int]:
    """Ports of this machine that a process listens on (Linux)."""
    if not Path("/proc/net/tcp").exists():
        pytest.skip("ports of a process are read from /proc")
    own = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # it was closed by now
            own.add(link.readlink().name)
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    sockets = [line.split() for line in lines]
    return {
        int(each[1].partition(":")[2], 16)
        for each in sockets
        if each[3] == "0A" and f"socket:[{each[9]}]" in own
    }


def _speaks_http(port: int) -> bool:
    try:
        httpx.get(f"http://127.0.0.1:{port}/varz", headers={"Origin": "https://evil.example"})
    except httpx.HTTPError:
        return False
    return True


async def test_the_monitor_may_ask_one_question_only(tmp_path: Path) -> None:
    with nats_running(tmp_path) as server:
        login = server.settings.nats_monitor_login
        if login is None:
            pytest.skip("a server in a container is an outside one")
        assert (await read_configuration(server.settings)) is not None
        errors: asyncio.Queue[str] = asyncio.Queue()

        async def note(error: Exception) -> None:
            errors.put_nowait(str(error).lower())

        monitor = await nats.connect(login, inbox_prefix=b"_INBOX_monitor", error_cb=note)
        for subject in ("$SYS.REQ.SERVER.PING.CONNZ", "$JS.API.INFO", "requests.demo"):
            await monitor.publish(subject, b"{}")
        await monitor.subscribe("$SYS.>")
        async with asyncio.timeout(TIMEOUT):  # a PING may overtake what is still in the buffer
            refused = [await errors.get() for _ in range(4)]
        await monitor.close()

    assert all("permissions violation" in each for each in refused)


async def test_the_configuration_is_read_from_the_server_itself(tmp_path: Path) -> None:
    with nats_running(tmp_path) as server:
        configuration = await read_configuration(server.settings)

    assert configuration is not None
    assert configuration.sync_always
    assert configuration.max_store > 0


async def test_a_home_from_before_credentials_keeps_its_streams(tmp_path: Path) -> None:
    settings = ServiceSettings(home=tmp_path, nats_port=free_port())
    open_to_all = tmp_path / "open.conf"
    open_to_all.write_text("jetstream { sync_interval: always }\n")
    command = [program("nats-server"), "--config", str(open_to_all), "--addr", "127.0.0.1"]
    command += ["--port", str(settings.nats_port), "--store_dir", str(tmp_path / "nats")]
    before = Program(settings, Process("nats", command))
    before.start()
    client = await nats.connect(settings.nats)
    await client.jetstream().add_stream(name="KEPT", subjects=["kept"])
    await client.jetstream().publish("kept", b"yes")
    await client.close()
    before.kill()

    after = Program(settings, nats_server(settings))
    after.start()
    try:
        client = await nats.connect(settings.nats_login)
        kept = await client.jetstream().get_last_msg("KEPT", "kept")
        await client.close()
    finally:
        after.kill()

    assert kept.data == b"yes"


def test_a_password_that_looks_like_a_number_is_one_all_the_same(tmp_path: Path) -> None:
    settings = ServiceSettings(home=tmp_path, nats_port=free_port())
    settings.folder.nats_credentials()
    file = settings.folder.nats_credentials_file
    file.write_text(json.dumps({**json.loads(file.read_text()), "password": "12e5", "user": "7k"}))
    server = nats_server(settings)

    checked = subprocess.run(
        [*server.command, "-t"], env=server.environment, capture_output=True, text=True, check=False
    )

    assert checked.returncode == 0, checked.stderr
