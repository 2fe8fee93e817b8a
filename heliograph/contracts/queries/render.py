"""Queries that render's workers answer: fresh URLs of outputs."""

from heliograph.contracts.outputs import Output
from heliograph.contracts.queries import Query
from heliograph.contracts.tolerant_reader import Tolerant


class RenewedOutputs(Tolerant):
    outputs: list[Output]  #: empty where the provider gives none


class RenewOutputs(Query[RenewedOutputs]):
    """Fresh addresses of what a job's provider made. Answered by render with `RenewedOutputs`."""

    subject = "query.outputs.renew"

    job: str
