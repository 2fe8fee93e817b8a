"""
The product with one safeguard taken out: each of these must break a promise.

A mutant changes one thing, and comes with the faults among which the safeguard is missed.
"""

from tests.simulation.mutants import (
    account_permits,
    compaction,
    deadlines,
    dependencies,
    job_ends,
    optimistic_concurrency,
    payments,
    slot_claims,
)
from tests.simulation.mutants.registry import Mutant

MUTANTS: list[Mutant] = [
    *optimistic_concurrency.MUTANTS,
    *payments.MUTANTS,
    *slot_claims.MUTANTS,
    *account_permits.MUTANTS,
    *job_ends.MUTANTS,
    *dependencies.MUTANTS,
    *deadlines.MUTANTS,
    *compaction.MUTANTS,
]
