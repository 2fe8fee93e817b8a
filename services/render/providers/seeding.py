"""Seeds: where a model takes one, every run has its own, and is known again by it."""

import hashlib

from services.render.providers import Submission


def seed_for(submission: Submission) -> int:
    """A seed that no other run has, the same whenever it is asked for; below 2**31."""
    digest = hashlib.sha256(f"{submission.job}/{submission.run}".encode()).digest()
    return int.from_bytes(digest[:4]) & 0x7FFF_FFFF
