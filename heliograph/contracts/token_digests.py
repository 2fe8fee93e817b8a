"""Digest of a token: all that is kept of keys, sessions and tickets. Pure."""

import hashlib


def digest_of(token: str) -> str:
    """SHA-256 of a token, in hexadecimal."""
    return hashlib.sha256(token.encode()).hexdigest()
