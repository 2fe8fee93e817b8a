"""The request index: which requests at providers are known to an attempt of any job."""

from typing import Protocol

from heliograph.contracts.errors import Unavailable
from heliograph.contracts.queries.provider_requests import FindRequests
from heliograph.runtime.bus import RequestReply
from heliograph.runtime.bus.queries import RemoteProblem

_TIMEOUT = 6.0  #: seconds for the read model to take in the log, and reply


class RequestIndex(Protocol):
    """The requests at providers that attempts are known to have made."""

    async def known(self, provider: str, requests: tuple[str, ...]) -> frozenset[str]:
        """The requests that belong to an attempt of any job. Raises Unavailable."""


class StatusRequestIndex:
    """`RequestIndex` of the status service's read model."""

    def __init__(self, request: RequestReply) -> None:
        self._request = request

    async def known(self, provider: str, requests: tuple[str, ...]) -> frozenset[str]:
        query = FindRequests(provider=provider, requests=list(requests))
        try:
            return frozenset((await self._request(query, timeout=_TIMEOUT)).known)
        except RemoteProblem as error:
            raise Unavailable("status does not answer which requests are known") from error
