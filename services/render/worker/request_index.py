"""The request index: which requests at providers are known to an attempt of any job."""

from typing import Protocol

from pydantic import ValidationError

from heliograph.contracts import subjects
from heliograph.contracts.errors import Unavailable
from heliograph.contracts.queries.read_model import FindRequests, KnownRequests
from heliograph.contracts.records import Record
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.testing import MemoryEventLog

_TIMEOUT = 6.0  #: seconds for the read model to take in the log, and answer


class RequestIndex(Protocol):
    """The requests at providers that attempts are known to have made."""

    async def known(self, provider: str, requests: tuple[str, ...]) -> frozenset[str]:
        """Those of the requests that an attempt of any job has. Raises Unavailable."""


class StatusRequestIndex:
    """`RequestIndex` of the status service's read model."""

    def __init__(self, jetstream: JetStream) -> None:
        self._jetstream = jetstream

    async def known(self, provider: str, requests: tuple[str, ...]) -> frozenset[str]:
        question = FindRequests(provider=provider, requests=list(requests))
        answer = await self._jetstream.request(
            subjects.QUERY_REQUESTS, question.model_dump_json().encode(), timeout=_TIMEOUT
        )
        try:
            return frozenset(KnownRequests.model_validate_json(answer).known)
        except ValidationError as error:
            raise Unavailable("status does not say which requests are known") from error


class MemoryRequestIndex:
    """`RequestIndex` of a log in memory, for tests."""

    def __init__(self, events: MemoryEventLog) -> None:
        self._events = events

    async def known(self, provider: str, requests: tuple[str, ...]) -> frozenset[str]:
        bodies = (entry.body for job in self._events.jobs() for entry in self._events.of(job))
        records = [
            body for body in bodies if isinstance(body, Record) and body.provider == provider
        ]
        named = {attempt.request_id for each in records for attempt in each.internal.attempts}
        return frozenset(request for request in requests if request in named)
