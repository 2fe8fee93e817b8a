"""Digests of files, read in blocks."""

import hashlib
from pathlib import Path

_BLOCK = 2**20  #: bytes read at once


def sha256_of(file: Path) -> str:
    """Digest of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with file.open("rb") as content:
        while block := content.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
