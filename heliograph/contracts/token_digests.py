"""Digest of a token: keys, sessions and tickets are stored by digest only. Pure."""

import hashlib


def digest_of(token: str) -> str:
    """SHA-256 of a token, in hexadecimal."""
    return hashlib.sha256(token.encode()).hexdigest()
