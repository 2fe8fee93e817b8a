"""Fresh URLs of outputs, requested from render, which asks the provider."""

from heliograph.contracts.errors import Unavailable
from heliograph.contracts.outputs import Output
from heliograph.contracts.queries.render import RenewOutputs
from heliograph.runtime.bus import RequestReply
from heliograph.runtime.bus.queries import RemoteProblem

_TIMEOUT = 15.0  #: seconds render, and with it the provider, has to reply


async def renew_outputs(request: RequestReply, job: str) -> list[Output]:
    """Outputs with fresh URLs; empty if the provider has none, or no reply comes in time."""
    try:
        return (await request(RenewOutputs(job=job), timeout=_TIMEOUT)).outputs
    except (Unavailable, RemoteProblem):
        return []
