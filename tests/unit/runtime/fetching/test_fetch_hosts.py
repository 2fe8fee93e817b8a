"""Only listed hosts are fetched from, and only those that an operator named may be in any network."""

import pytest

from heliograph.runtime.fetching.errors import TargetRefused
from heliograph.runtime.fetching.fetch_hosts import FetchHosts


@pytest.fixture(scope="module")
def listed() -> FetchHosts:
    """Two providers, and three ports of this machine."""
    ports = ["127.0.0.1:9555", "127.0.0.1:80", "[::1]:9555"]
    return FetchHosts(public=["v3.fal.media", "*.replicate.delivery"], own=ports)


@pytest.mark.parametrize(
    "url",
    [
        "https://v3.fal.media/files/a.png?token=1",
        "https://v3.fal.media:443/files/a.png",
        "https://V3.FAL.media/files/a.png",
        "https://pbxt.replicate.delivery/a/out-0.webp",
        "https://a.b.replicate.delivery/out",
        "https://replicate.delivery/out",
        "http://127.0.0.1:9555/sim/a/0",
        "https://127.0.0.1:9555/sim/a/0",
        "http://[::1]:9555/sim/a/0",
        "https://[::1]:9555/sim/a/0",
        "http://127.0.0.1/sim/a/0",
        "http://127.0.0.1:80/sim/a/0",
    ],
)
def test_what_is_listed_may_be_fetched_from(listed: FetchHosts, url: str) -> None:
    listed.check(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://v3.fal.media/a.png",
        "http://pbxt.replicate.delivery/out",
        "https://fal.media/a.png",
        "https://notreplicate.delivery/out",
        "https://evilv3.fal.media/a.png",
        "https://v3.fal.media.evil.example/a.png",
        "https://v3.fal.media.:8443/a.png",
        "https://v3.fal.media:8443/a.png",
        "https://evil-replicate.delivery/out",
        "https://evil.example/pbxt.replicate.delivery",
        "https://evil.example?.replicate.delivery",
        "https://evil.example#.replicate.delivery",
        "https://v3.fal.media@evil.example/a.png",
        "https://evil.example\\@v3.fal.media/a.png",
        "https://evil.example#@v3.fal.media/a.png",
        "http://127.0.0.1:9556/sim/a/0",
        "http://127.1:9555/",
        "http://2130706433:9555/",
        "http://0x7f000001:9555/",
        "http://0177.0.0.1:9555/",
        "http://[::1]:9556/",
        "http://[::ffff:127.0.0.1]:9555/",
        "http://[64:ff9b::7f00:1]:9555/",
        "http://localhost:9555/",
        "http://127.0.0.1.nip.example:9555/",
        "http://169.254.169.254/latest/meta-data/",
        "https://169.254.169.254/",
        "https://metadata.google.internal/",
        "file:///etc/passwd",
        "file://v3.fal.media/etc/passwd",
        "ftp://v3.fal.media/a.png",
        "data:image/png;base64,AAAA",
        "javascript:alert(1)",
        "//v3.fal.media/a.png",
        "v3.fal.media/a.png",
        "/etc/passwd",
        "",
    ],
)
def test_nothing_else_may_be_fetched_from(listed: FetchHosts, url: str) -> None:
    with pytest.raises(TargetRefused):
        listed.check(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://v3.fal.media:99999/a.png",
        "https://v3.fal.media:port/a.png",
        "https://[v3.fal.media/a.png",
        "https://evil.example\uff0f.replicate.delivery/a.png",
        "https://v3.fal.media/a\0.png",
        "https://v3.fal.media/" + "a" * 70_000,
        "https://xn--.replicate.delivery/a.png",
    ],
    ids=[
        *("port too high", "port no number", "open bracket", "wide slash", "NUL", "too long"),
        "empty label",
    ],
)
def test_an_invalid_address_is_refused(listed: FetchHosts, url: str) -> None:
    with pytest.raises(TargetRefused):
        listed.check(url)


@pytest.mark.parametrize(
    ("url", "is_own"),
    [
        ("https://v3.fal.media/a.png", False),
        ("https://a.replicate.delivery/a.png", False),
        ("http://127.0.0.1:9555/a.png", True),
        ("https://media.shop.example/a.png", True),
        ("https://a.media.example/a.png", False),
    ],
)
def test_a_server_that_is_named_may_be_in_any_network(url: str, is_own: bool) -> None:
    hosts = FetchHosts(
        public=["v3.fal.media", "*.replicate.delivery"],
        own=["127.0.0.1:9555", "media.shop.example", "*.media.example"],
    )

    assert hosts.check(url).is_own is is_own
