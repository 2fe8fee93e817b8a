"""
The product with one safeguard taken out: each of these must break a promise.

A mutant changes one thing, and comes with the faults among which the safeguard is missed.
"""

from tests.life.mutants import (
    claimed,
    compacted,
    compared,
    depended,
    ended,
    expired,
    paid,
    placed,
)
from tests.life.mutants.registry import Mutant

MUTANTS: list[Mutant] = [
    *compared.MUTANTS,
    *paid.MUTANTS,
    *claimed.MUTANTS,
    *placed.MUTANTS,
    *ended.MUTANTS,
    *depended.MUTANTS,
    *expired.MUTANTS,
    *compacted.MUTANTS,
]
