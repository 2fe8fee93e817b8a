"""A service answers to names of its own, and believes no page because of the name it chose."""

import pytest
from pydantic import ValidationError

from heliograph.runtime.http.hosts import HostAllowList
from heliograph.runtime.settings import ServiceSettings
from services.render.settings import RenderSettings

BOUND = 40_123  #: a port that the settings do not know: they said 0


def a_list(**settings: object) -> HostAllowList:
    return HostAllowList(ServiceSettings.model_validate({"gateway_port": 0, **settings}))


@pytest.mark.parametrize(
    "host",
    [
        f"127.0.0.1:{BOUND}",
        f"localhost:{BOUND}",
        f"LOCALHOST:{BOUND}",
        f"[::1]:{BOUND}",
        f"127.9.9.9:{BOUND}",
        "localhost:8081",
    ],
)
def test_a_loopback_name_with_one_of_our_ports_is_ours(host: str) -> None:
    assert a_list().is_allowed_host(host, BOUND)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        f"evil.example:{BOUND}",
        f"localhost.evil.example:{BOUND}",
        f"127.0.0.1.evil.example:{BOUND}",
        "127.0.0.1:9999",
        "localhost",
        f"evil@127.0.0.1:{BOUND}",
        f"127.0.0.1:{BOUND}/evil",
        f"127.0.0.1:{BOUND}, evil.example",
        "[::1",
        f"192.168.1.7:{BOUND}",
        f"127.0.0.1:{BOUND}x",
        "127.0.0.1:99999",
    ],
)
def test_any_other_name_is_not(host: str) -> None:
    assert not a_list().is_allowed_host(host, BOUND)


def test_a_loopback_name_without_a_port_means_port_80() -> None:
    assert a_list().is_allowed_host("localhost", 80)


@pytest.mark.parametrize("setting", ["public_url", "status_public_url", "storage_public_url"])
def test_hosts_of_the_public_addresses_are_ours(setting: str) -> None:
    hosts = a_list(**{setting: "https://Media.example/sub"})

    assert hosts.is_allowed_host("media.example", BOUND)
    assert hosts.is_allowed_host("media.example:443", BOUND)
    assert not hosts.is_allowed_host("media.example:8443", BOUND)


def test_where_providers_call_render_and_render_calls_storage_is_ours() -> None:
    hosts = HostAllowList(
        RenderSettings(
            render_public_url="https://hooks.example", storage_internal_url="http://storage:8082"
        )
    )

    assert hosts.is_allowed_host("hooks.example", BOUND)
    assert hosts.is_allowed_host("storage:8082", BOUND)


@pytest.mark.parametrize("host", ["box.lan:8080", "BOX.lan:8080", "proxy.example", "[fd00::7]:80"])
def test_an_allowed_host_is_ours(host: str) -> None:
    hosts = a_list(allowed_hosts=["Box.lan:8080", "proxy.example", "[fd00::7]"])

    assert hosts.is_allowed_host(host, BOUND)


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        (None, True),
        (f"http://127.0.0.1:{BOUND}", True),
        ("http://localhost:8081", True),
        ("https://media.example", True),
        ("https://app.example", True),
        ("http://box.lan:8080", True),
        ("https://box.lan:8080", True),
        ("http://media.example", False),
        (f"https://127.0.0.1:{BOUND}", False),
        ("http://localhost:5173", False),
        (f"http://evil.example:{BOUND}", False),
        ("null", False),
        ("", False),
        ("http://[", False),
        ("file://localhost:8081", False),
    ],
)
def test_a_page_is_welcome_by_the_list(origin: str | None, expected: bool) -> None:
    hosts = a_list(
        public_url="https://media.example",
        allowed_origins=["https://app.example"],
        allowed_hosts=["box.lan:8080"],
    )

    assert hosts.is_allowed_origin(origin, BOUND) is expected


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("https://localhost:8443", True),
        ("https://127.0.0.1:8443", True),
        ("https://[::1]:8443", True),
        ("http://localhost:8443", False),
        ("https://localhost:8444", False),
        ("https://localhost", False),
    ],
)
def test_a_public_address_of_this_machine_is_ours_by_each_loopback_name(
    origin: str, expected: bool
) -> None:
    hosts = a_list(public_url="https://localhost:8443")

    assert hosts.is_allowed_origin(origin, BOUND) is expected
    assert hosts.is_allowed_host(origin.partition("://")[2], BOUND) is origin.endswith(":8443")


@pytest.mark.parametrize("host", ["http://box.lan", "box.lan/x", "*", "*.lan", "a b", "box:port"])
def test_a_host_that_can_never_match_is_refused_by_name(host: str) -> None:
    with pytest.raises(ValidationError, match="allowed_hosts"):
        ServiceSettings(allowed_hosts=[host])


def test_the_advertised_name_is_ours_with_our_ports() -> None:
    hosts = a_list(host="0.0.0.0", advertised_host="storage", auth="keys", storage_port=8082)  # noqa: S104

    assert hosts.is_allowed_host("storage:8082", BOUND)
    assert not hosts.is_allowed_host("storage:22", BOUND)
    assert not hosts.is_allowed_host("render:8082", BOUND)
