"""Chance that falls the same way every time: dice thrown from words."""

import hashlib
import random


def dice_from(*words: object) -> random.Random:
    """The same words give the same throws, in any process and on any machine."""
    text = "\x1f".join(map(str, words))
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return random.Random(int.from_bytes(digest))  # noqa: S311 - it draws pictures, guards nothing
