"""Seeds: where a model takes one, every run has its own, and is known again by it."""

import hashlib


def seed_for(job: str, run: int) -> int:
    """The seed of a run, unique and reproducible; below 2**31."""
    digest = hashlib.sha256(f"{job}/{run}".encode()).digest()
    return int.from_bytes(digest[:4]) & 0x7FFF_FFFF
