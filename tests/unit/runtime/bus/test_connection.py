"""Credentials of a NATS connection: apart from URLs, as a cluster tells of servers by bare addresses."""

import pytest

from heliograph.runtime.bus.connection import Connection
from heliograph.runtime.settings import ServiceSettings


@pytest.mark.parametrize(
    ("url", "servers", "credentials"),
    [
        pytest.param(
            "nats://user:p%40ss@n0:4222,nats://user:p%40ss@n1:4222",
            ["nats://n0:4222", "nats://n1:4222"],
            {"user": "user", "password": "p@ss"},
            id="user and password",
        ),
        pytest.param("nats://token@n0:4222", ["nats://token@n0:4222"], {}, id="token"),
        pytest.param("tls://n0", ["tls://n0"], {}, id="none"),
    ],
)
def test_a_user_and_password_are_taken_from_the_url(
    url: str, servers: list[str], credentials: dict[str, str]
) -> None:
    connection = Connection(ServiceSettings(nats_url=url), "test")

    assert connection.options["servers"] == servers
    assert connection.credentials == credentials
