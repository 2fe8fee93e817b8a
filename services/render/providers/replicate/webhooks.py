"""Whether a call that claims to be Replicate's is: signed as the Standard Webhooks say."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta

_TOLERANCE = timedelta(minutes=5)  #: by which clocks may differ, and within which a call is fresh
_PREFIX = "whsec_"


def is_from_replicate(
    secret: str, headers: Mapping[str, str], body: bytes, *, at: datetime
) -> bool:
    """
    Verify a webhook.

    Args:
        secret: `whsec_…`, of the account.
        headers: With names in lower case.
        body: As it came, byte for byte.
        at: Now, with a time zone. Calls that are older or newer than five minutes are not believed.
    """
    name, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not name or not _is_fresh(timestamp, at):
        return False
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return False
    said = f"{name}.{timestamp}.".encode() + body
    wanted = base64.b64encode(hmac.new(key, said, hashlib.sha256).digest())
    signatures = headers.get("webhook-signature", "").split()
    return any(_is_same(each, wanted) for each in signatures)


def _is_fresh(timestamp: str, at: datetime) -> bool:
    if not (timestamp.isascii() and timestamp.isdigit()):
        return False
    return abs(int(timestamp) - at.timestamp()) <= _TOLERANCE.total_seconds()


def _is_same(signature: str, wanted: bytes) -> bool:
    """There may be several, of several versions, while a secret is changed; `v1` is this one."""
    version, _, value = signature.partition(",")
    return version == "v1" and hmac.compare_digest(value.encode(), wanted)
