"""
API keys: `hg_live_<id>_<secret><checksum>`, which can be told from a typing error without a look-up.

The id is public: logs, audits and lists show it. The secret has 256 random bits, so a plain SHA-256 of
the whole key is all that needs to be kept of it. The checksum is a CRC-32 of everything before it.
"""

import re
import secrets
import zlib
from typing import NamedTuple

from heliograph.contracts.token_digests import digest_of

PREFIX = "hg_live_"

_ID_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  #: Crockford's base 32
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID_LENGTH, _SECRET_LENGTH, _CHECKSUM_LENGTH = 8, 43, 6
_SECRET_BITS = 256

KEY_ID_PATTERN = rf"^[{_ID_ALPHABET}]{{{_ID_LENGTH}}}$"
_FORM = re.compile(
    rf"{PREFIX}(?P<id>[{_ID_ALPHABET}]{{{_ID_LENGTH}}})_"
    rf"[0-9A-Za-z]{{{_SECRET_LENGTH}}}(?P<checksum>[0-9A-Za-z]{{{_CHECKSUM_LENGTH}}})"
)


class AccessKey(NamedTuple):
    """A key as its holder has it. Only `id` may be shown."""

    id: str
    text: str

    def __repr__(self) -> str:
        return f"AccessKey({self.id})"

    @property
    def digest(self) -> str:
        """SHA-256 of the text, in hexadecimal: what is kept of it."""
        return digest_of(self.text)


def new_key(id_: str | None = None) -> AccessKey:
    """A random key, or a new secret for the key `id_`."""
    name = id_ or "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_LENGTH))
    secret = _base62(secrets.randbits(_SECRET_BITS), _SECRET_LENGTH)
    text = f"{PREFIX}{name}_{secret}"
    return AccessKey(name, text + _checksum(text))


def parse_key(text: str) -> AccessKey | None:
    """The key that a text is; None for one that is malformed or has a typing error."""
    form = _FORM.fullmatch(text)
    if form is None or _checksum(text[:-_CHECKSUM_LENGTH]) != form["checksum"]:
        return None
    return AccessKey(form["id"], text)


def _checksum(text: str) -> str:
    return _base62(zlib.crc32(text.encode()), _CHECKSUM_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
