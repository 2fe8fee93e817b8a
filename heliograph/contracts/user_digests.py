"""Digest of a user: the name of an application's user in keys, subjects and budgets. Pure."""

import hashlib

_LENGTH = 32  #: characters of the digest


def user_digest(user: str) -> str:
    """The name of a user in keys and subjects, which says nothing about them."""
    return hashlib.sha256(user.encode()).hexdigest()[:_LENGTH]
