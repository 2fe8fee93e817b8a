"""Fresh URLs of outputs, requested from render, which asks the provider."""

from pydantic import ValidationError

from heliograph.contracts import subjects
from heliograph.contracts.errors import Unavailable
from heliograph.contracts.queries.render import RenewedOutputs, RenewOutputs
from heliograph.contracts.records import Output
from heliograph.runtime.bus.jetstream import JetStream

_TIMEOUT = 15.0  #: seconds render, and with it the provider, has to answer


async def renew_outputs(jetstream: JetStream, job: str) -> list[Output]:
    """None where there are no others, or nobody says so in time."""
    question = RenewOutputs(job=job).model_dump_json().encode()
    try:
        answer = await jetstream.request(subjects.QUERY_RENEW, question, timeout=_TIMEOUT)
        return RenewedOutputs.model_validate_json(answer).outputs
    except (Unavailable, ValidationError):
        return []
