"""TLS to NATS: the right authority is connected to, everything else is refused with its reason."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nats
import pytest
from nats.aio.msg import Msg
from pydantic import ValidationError

from deploy.compose.certificates import AUTHORITY, CERTIFICATE, KEY, issue, make_server_certificate
from deploy.local.processes import nats_configuration, nats_server
from heliograph.operator.provisioning import provision
from heliograph.runtime.bus.certificate_expiry import certificate_expiry
from heliograph.runtime.bus.connection import Connection
from heliograph.runtime.bus.pull_consumers import PullConsumers
from heliograph.runtime.bus.stream_configs import GATEWAY
from heliograph.runtime.nats_users import new_seed
from heliograph.runtime.settings import ServiceSettings
from tests.support.servers import Program, free_port, nats_running
from tests.support.timeouts import TIMEOUT

_YEAR = 365 * 86_400  #: seconds

_TLS = """
tls {{
  cert_file: "{folder}/{certificate}"
  key_file: "{folder}/{key}"
  ca_file: "{folder}/{authority}"
  verify: true
  handshake_first: 1s
}}
"""


@dataclass(frozen=True)
class Secured:
    """A server with TLS that wants certificates of its clients, and what these have."""

    folder: Path
    bundled: ServiceSettings  #: with its users

    @property
    def url(self) -> str:
        return self.bundled.nats

    def client(self, user: str = "gateway", **settings: Path | str) -> ServiceSettings:
        """Settings of a user."""
        return ServiceSettings.model_validate(
            {
                "nats_url": self.url,
                "nats_nkey_file": self.bundled.folder.nats_users.user(user).seed_file,
                "nats_ca_file": self.folder / AUTHORITY,
                "nats_certificate_file": self.folder / "client.pem",
                "provision": False,
                **settings,
            }
        )


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("tls")
    make_server_certificate(folder, ["127.0.0.1"])
    certificate, key = issue(folder, ["client"])
    (folder / "client.pem").write_bytes(certificate + key)
    settings = ServiceSettings(home=folder / "home", nats_port=free_port(), events_max_bytes=2**22)
    process = nats_server(settings)
    tls = _TLS.format(folder=folder, certificate=CERTIFICATE, key=KEY, authority=AUTHORITY)
    with nats_configuration(settings).open("a") as file:
        file.write(tls)
    server = Program(settings, process)
    server.start()
    try:
        yield Secured(folder, settings)
    finally:
        server.kill()


async def test_a_service_works_over_tls_as_its_nkey(secured: Secured) -> None:
    """By both of its connections: that of the bus, and the one that messages are pulled on."""
    owner = secured.bundled.nats_login
    await provision(secured.client("provision"))
    came: asyncio.Queue[bytes] = asyncio.Queue()

    async def handle(message: Msg) -> None:
        await came.put(message.data)
        await message.ack()

    consumers = PullConsumers(secured.client(), "gateway")
    consumers.add("requests.>", handle, stream="REQUESTS", durable=GATEWAY, workers=1)
    await consumers.start()
    connection = Connection(secured.client(), "gateway")
    await connection.open()
    publisher = await nats.connect(owner, tls=connection.tls)
    await publisher.jetstream().publish("requests.demo", b"asked", headers={"ce-id": "one"})
    async with asyncio.timeout(TIMEOUT):
        data = await came.get()
    await publisher.close()
    await connection.close()
    await consumers.stop()

    assert data == b"asked"


async def test_the_expiry_of_the_certificate_is_seen(secured: Secured) -> None:
    [(host, port)] = secured.client().nats_places

    expiry = await certificate_expiry(host, port, secured.client().nats_tls)

    assert abs(expiry - time.time() - _YEAR) < 3600


OPEN = """
import asyncio
from heliograph.runtime.bus.connection import Connection
from heliograph.runtime.settings import ServiceSettings

asyncio.run(Connection(ServiceSettings(), "gateway").open())
"""


def _open(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """A process that only connects."""
    return subprocess.run(
        [sys.executable, "-c", OPEN],
        env=variables,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_server_of_another_authority_is_refused(secured: Secured, tmp_path: Path) -> None:
    make_server_certificate(tmp_path, ["127.0.0.1"])

    ended = _open(
        tmp_path,
        HELIOGRAPH_NATS_URL=secured.url,
        HELIOGRAPH_NATS_CA_FILE=str(tmp_path / AUTHORITY),
    )

    assert ended.returncode == 78
    assert "is not trusted" in ended.stdout + ended.stderr


def test_without_an_authority_nothing_is_sent_to_it(secured: Secured, tmp_path: Path) -> None:
    ended = _open(tmp_path, HELIOGRAPH_NATS_URL=secured.url)

    assert ended.returncode == 78
    assert "set HELIOGRAPH_NATS_CA_FILE" in ended.stdout + ended.stderr


def test_a_server_without_tls_is_refused(secured: Secured, tmp_path: Path) -> None:
    with nats_running(tmp_path / "plain") as plain:
        ended = _open(
            tmp_path,
            HELIOGRAPH_NATS_URL=plain.settings.nats,
            HELIOGRAPH_NATS_CA_FILE=str(secured.folder / AUTHORITY),
        )

    assert ended.returncode == 78
    assert "NATS does not begin with TLS" in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("setting", "content", "reason"),
    [
        ("nats_nkey_file", "not a seed", "not the seed of an nkey"),
        ("nats_nkey_file", new_seed()[:-6], "not the seed of an nkey"),
        ("nats_nkey_file", None, "cannot be read"),
        ("nats_ca_file", "not a certificate", "holds no certificate"),
        ("nats_ca_file", None, "holds no certificate"),
    ],
    # a seed is another one in each process of the tests
    ids=["no seed", "half a seed", "no seed file", "no certificate", "no certificate file"],
)
def test_a_file_that_is_none_stops_the_start(
    tmp_path: Path, setting: str, content: str | None, reason: str
) -> None:
    file = tmp_path / "file"
    if content is not None:
        file.write_text(content)

    with pytest.raises(ValidationError, match=reason) as raised:
        ServiceSettings.model_validate({"nats_url": "nats://n0:4222", setting: file})

    assert content is None or content not in str(raised.value)
