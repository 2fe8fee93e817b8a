"""Deadlines: how a job expires whose `finish_by` has passed. Pure."""

from collections.abc import Sequence

from heliograph.contracts.attempts import Bill
from heliograph.contracts.errors import Deadline
from heliograph.contracts.job_events import Expired
from heliograph.contracts.job_steps import Step
from heliograph.contracts.outputs import Output, Withheld
from heliograph.contracts.problems import Charged, NextAction
from heliograph.contracts.records import Record
from heliograph.contracts.state_machine.charges import accumulate_charge

#: where a request is, or may be, at the provider, and only the job's worker can stop it
AT_PROVIDER = frozenset({Step.SUBMITTING, Step.SUBMITTED})


def expiry(
    record: Record,
    charged: Charged = "no",
    *,
    bill: Bill | None = None,
    outputs: Sequence[Output] = (),
    withheld: list[Withheld] | None = None,
    excerpt: str | None = None,
    runs_on: bool = False,
) -> Expired:
    """The event that ends a job at its deadline. `charged` and `bill` are those of an open last attempt."""
    in_all = accumulate_charge(record.charged, charged) if record.cost.estimated else "no"
    again = NextAction(kind="retry", label="Try again as a new job")
    return Expired(
        problem=Deadline(charged=in_all, next_actions=[again]).problem(),
        charged=charged,
        bill=bill,
        outputs=list(outputs),
        withheld=withheld,
        answer=excerpt,
        runs_on=runs_on,
    )
