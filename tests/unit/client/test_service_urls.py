"""An address is checked before it is used; an error names it, and no secret in it."""

import pytest

from heliograph.client_errors import AddressRefused
from heliograph.service_urls import proxy_address, service_address, unreachable


@pytest.mark.parametrize(
    "text",
    ["", "localhost:8080", "ftp://x", "http://", "http://[", "http://a:b", "//x", "http://\ud83d"],
)
def test_an_invalid_url_is_refused(text: str) -> None:
    with pytest.raises(AddressRefused):
        service_address(text)


def test_an_address_has_no_slash_at_its_end() -> None:
    assert service_address("http://127.0.0.1:8080/") == "http://127.0.0.1:8080"


def test_no_proxy_is_the_default() -> None:
    assert proxy_address(None) is None
    assert proxy_address("") is None
    with pytest.raises(AddressRefused, match="proxy 'socks5://x'"):
        proxy_address("socks5://x")


def test_an_unreachable_url_is_named_without_its_signature() -> None:
    try:
        try:
            raise ConnectionRefusedError(111, "refused")
        except OSError as cause:
            raise RuntimeError("all attempts failed") from cause
    except RuntimeError as error:
        failure = unreachable("http://u:canary@s3.example/key?X-Amz-Signature=canary", error)

    assert str(failure) == "http://s3.example/key does not answer: [Errno 111] refused"
