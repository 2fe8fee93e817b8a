"""Seeded random numbers: the same words give the same numbers in any process on any machine."""

import hashlib
import random


def seeded_random(*words: object) -> random.Random:
    """A generator whose seed is the SHA-256 of the words."""
    text = "\x1f".join(map(str, words))
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return random.Random(int.from_bytes(digest))  # noqa: S311 - for pictures, not for secrets
