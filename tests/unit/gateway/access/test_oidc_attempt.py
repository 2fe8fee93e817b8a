"""An attempt to sign in comes back to the browser that began it, and leads to a page of ours."""

import base64
import json

import pytest

from services.gateway.access.oidc.attempt import SignInAttempt


@pytest.mark.parametrize("path", ["/", "/projects/demo?tab=jobs#top", "/a%2F%2Fb"])
def test_an_attempt_survives_the_way_through_the_browser(path: str) -> None:
    attempt = SignInAttempt.begin(path)

    assert attempt.return_to == path
    assert SignInAttempt.from_cookie(attempt.to_cookie()) == attempt


@pytest.mark.parametrize(
    "path",
    [
        "",
        "projects",
        "//evil.example",
        "/\\evil.example",
        "/a\\b",
        "https://evil.example/",
        "javascript:alert(1)",
        "/\tevil",
        "/\r\nSet-Cookie: a=b",
        "/" + "a" * 512,
    ],
    ids=str.__repr__,
)
def test_no_attempt_leads_elsewhere(path: str) -> None:
    assert SignInAttempt.begin(path).return_to == "/"


def test_two_attempts_share_no_secret() -> None:
    one, other = SignInAttempt.begin("/"), SignInAttempt.begin("/")

    assert len({one.state, one.nonce, one.verifier, other.state, other.nonce, other.verifier}) == 6
    assert one.is_state(one.state)
    assert not one.is_state(other.state)
    assert not one.is_state("")
    assert not one.is_state("é")


def _cookie(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "!",
        "é",
        _cookie([]),
        _cookie({}),
        _cookie({"state": 1, "nonce": "b", "verifier": "c", "return_to": "/"}),
        _cookie({"state": "a", "nonce": "b", "verifier": "c", "return_to": "//evil.example"}),
    ],
    ids=["empty", "no base64", "no ASCII", "list", "nothing", "number", "elsewhere"],
)
def test_what_is_no_attempt_is_none(text: str) -> None:
    assert SignInAttempt.from_cookie(text) is None
