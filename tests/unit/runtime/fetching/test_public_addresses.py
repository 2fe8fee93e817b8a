"""An address is public when anybody on the internet can reach it, in whatever form it is written."""

import pytest

from heliograph.runtime.fetching.public_addresses import is_public
from heliograph.runtime.fetching.public_hosts import is_numeric, may_be_public


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "8.8.8.8",
        "93.184.215.14",
        "2606:4700:4700::1111",
        "2a00:1450:4001:81b::200e",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2002:808:808::",
    ],
)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::8.8.8.8",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:0:127.0.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::8.8.8.8",
        "100::1",
        "2001::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::",
        "3fff::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "2606:4700:4700::1111%eth0",
        "fec0::1",
        "ff02::1",
        "",
        "localhost",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.0.0.1:80",
        "[::1]",
        " 8.8.8.8",
    ],
)
def test_everything_else_is_not(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "127.0.0.0x1",
        "127.0.0.1.",
        "0x",
        "1.example.0",
        "::1",
    ],
)
def test_a_host_that_ends_with_a_number_is_an_address(host: str) -> None:
    assert is_numeric(host)


@pytest.mark.parametrize("host", ["example.com", "1.example", "0xexample", "a.0x7g", "example."])
def test_all_others_are_names(host: str) -> None:
    assert not is_numeric(host)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("pictures.example", True),
        ("8.8.8.8", True),
        ("localhost", False),
        ("store", False),
        ("store.internal", False),
        ("printer.local.", False),
        ("app.localhost", False),
        ("router.home.arpa", False),
        ("10.0.0.1", False),
        ("2130706433", False),
        ("0x7f.1", False),
        ("", False),
    ],
)
def test_a_name_tells_whether_others_may_reach_it(host: str, expected: bool) -> None:
    assert may_be_public(host) is expected
