"""Seeds: a run of a model that takes a seed has its own, by which a lost request is recognized."""

import hashlib


def seed_for(job: str, run: int) -> int:
    """The seed of a run, unique and reproducible; below 2**31."""
    digest = hashlib.sha256(f"{job}/{run}".encode()).digest()
    return int.from_bytes(digest[:4]) & 0x7FFF_FFFF
