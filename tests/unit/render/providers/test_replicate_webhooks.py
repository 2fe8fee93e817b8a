"""Only what Replicate signed, just now, and as it came, is Replicate's."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from replicate.webhook import Webhooks, WebhookSigningSecret

from services.render.providers.replicate.webhooks import is_from_replicate

KEY = b"a key that nobody else has, surely"
SECRET = "whsec_" + base64.b64encode(KEY).decode()
BODY = json.dumps({"id": "p1", "status": "succeeded"}).encode()
NOW = datetime.now(UTC)


def _signed(body: bytes = BODY, *, key: bytes = KEY, at: datetime = NOW) -> dict[str, str]:
    timestamp = str(int(at.timestamp()))
    said = f"msg_1.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac.new(key, said, hashlib.sha256).digest()).decode()
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{signature}",
    }


def test_what_replicate_signed_is_its_own() -> None:
    assert is_from_replicate(SECRET, _signed(), BODY, at=NOW)


def test_replicates_own_client_agrees() -> None:
    Webhooks.validate(
        headers=_signed(at=datetime.now(UTC)),
        body=BODY.decode(),
        secret=WebhookSigningSecret(key=SECRET),
        tolerance=300,
    )


def test_one_good_signature_among_others_is_enough() -> None:
    headers = _signed()
    headers["webhook-signature"] = f"v1,AAAA v2,BBBB {headers['webhook-signature']}"

    assert is_from_replicate(SECRET, headers, BODY, at=NOW)


@pytest.mark.parametrize("minutes", [-6, 6])
def test_what_was_signed_at_another_time_is_not_believed(minutes: int) -> None:
    headers = _signed(at=NOW + timedelta(minutes=minutes))

    assert not is_from_replicate(SECRET, headers, BODY, at=NOW)


def test_another_body_or_another_key_is_not_believed() -> None:
    assert not is_from_replicate(SECRET, _signed(), BODY + b" ", at=NOW)
    assert not is_from_replicate(SECRET, _signed(key=b"another"), BODY, at=NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": ""},
        {"webhook-id": "msg_2"},
        {"webhook-timestamp": "soon"},
        {"webhook-timestamp": "²"},
        {"webhook-signature": ""},
        {"webhook-signature": "v1"},
        {"webhook-signature": "v1,ü"},
    ],
    ids=str,
)
def test_headers_that_were_touched_are_not_believed(change: dict[str, str]) -> None:
    assert not is_from_replicate(SECRET, _signed() | change, BODY, at=NOW)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_*", "ü"])
def test_a_secret_that_is_none_believes_nothing(secret: str) -> None:
    assert not is_from_replicate(secret, _signed(), BODY, at=NOW)
