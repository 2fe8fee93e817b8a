"""
Consumer of job requests that other services publish to the bus as `requests.<project>`.

They use the same JobService as those of HTTP. The requester learns the outcome from the bus: the
events of the job carry the `ce-id` of the request as `ce-correlationid`, and so does a refusal.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC

import structlog
from nats.aio.msg import Msg
from nats.errors import Error
from prometheus_client import Counter

from heliograph.contracts import subjects
from heliograph.contracts.cloudevents import REFUSED, attributes
from heliograph.contracts.errors import HeliographError, NotFound, QueueFull, Unavailable
from heliograph.contracts.id_generation import keyed_job_id
from heliograph.contracts.ids import PROJECT_PATTERN, matches
from heliograph.contracts.requests import JobRequest
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.jetstream_errors import ApiError
from heliograph.runtime.bus.stream_configs import GATEWAY
from heliograph.runtime.clock import now
from heliograph.runtime.http.bodies import checked
from heliograph.runtime.logs import job_fields
from heliograph.runtime.service import Service
from heliograph.runtime.tracing import current_traceparent, message_span
from services.gateway.idempotency import RequestIdentity, identify_request, validate_key
from services.gateway.jobs.service import JobService
from services.gateway.settings import GatewaySettings

log = structlog.get_logger()

STREAM = "REQUESTS"
WORKERS = 1_000  #: more than the server hands out at once

_SOURCE = "heliograph/gateway"
_RETRY_DELAY = 1.0  #: seconds
_MAX_ECHO = 1_000  #: characters of a `ce-id` that is too long to be a key

_UNSTORED = Counter("heliograph_refusals_unstored", "Refusals published but not stored")


def consume_requests(service: Service[GatewaySettings], jobs: JobService) -> None:
    """Handle the requests that come by the bus in a service."""
    service.consume(
        subjects.REQUESTS,
        RequestConsumer(service.bus.jetstream, jobs).handle,
        stream=STREAM,
        durable=GATEWAY,
        workers=WORKERS,
    )


class RequestConsumer:
    """Consumer of job requests; every one gets a reply."""

    def __init__(self, jetstream: JetStream, jobs: JobService) -> None:
        self._jetstream = jetstream
        self._jobs = jobs

    async def handle(self, message: Msg) -> None:
        """Accept or refuse a request, unless it has to be redelivered."""
        try:
            with message_span("request", (message.headers or {}).get("traceparent")):
                await self._accept_or_refuse(message)
        except Unavailable as error:
            log.warning("Request redelivered later", reason=str(error), subject=message.subject)
            with suppress(Error, ConnectionError):
                await message.nak(delay=_RETRY_DELAY)
        else:
            with suppress(Error, ConnectionError):
                await message.ack()

    async def _accept_or_refuse(self, message: Msg) -> None:
        try:
            identity = identity_from_message(
                message.subject, message.headers or {}, _origin(message)
            )
            job = (await self._jobs.submit(await checked(message.data, JobRequest), identity)).job
        except Unavailable:
            raise
        except HeliographError as error:
            await self._refuse(message, error)
        except Exception:  # every request gets a reply
            log.exception("Request handler failed", subject=message.subject)
            await self._refuse(message, HeliographError())
        else:
            log.info("Request accepted", **job_fields(job))

    async def _refuse(self, message: Msg, error: HeliographError) -> None:
        project = message.subject.rsplit(".", 1)[1]
        key = (message.headers or {}).get("ce-id")
        headers = refusal_headers(project, key)
        headers["Nats-Msg-Id"] = _origin(message)  # deduplicates repeated deliveries
        problem = error.problem(instance=message.subject)
        body = problem.model_dump_json().encode()
        try:
            await self._jetstream.publish(subjects.refusal(project), body, headers)
        except (QueueFull, ApiError) as reason:
            # a publisher that listens has it all the same: what is published for a stream travels
            # on core NATS, too, whether the stream takes it or not
            _UNSTORED.inc()
            log.warning("Refusal not stored", project=project, reason=str(reason))
        log.info("Request refused", project=project, code=problem.code)


def refusal_headers(project: str, key: str | None) -> dict[str, str]:
    """The attributes of a refusal, as NATS headers."""
    media_type = "application/problem+json"
    headers = attributes(REFUSED, source=_SOURCE, subject=project, at=now(), media_type=media_type)
    return headers | ({"ce-correlationid": key[:_MAX_ECHO]} if key else {})


def identity_from_message(subject: str, headers: Mapping[str, str], origin: str) -> RequestIdentity:
    """
    The request identity of a message. Without a `ce-id` it is the message's sequence in its stream, so
    that a delivery that is repeated makes no second job.

    Raises:
        NotFound: The subject has no valid project name.
        IdempotencyKeyInvalid: The `ce-id` is not a valid key.
    """
    project = subject.rsplit(".", 1)[1]
    if not matches(PROJECT_PATTERN, project):
        raise NotFound(f"there is no project {project}")
    trace = current_traceparent() or headers.get("traceparent")
    if "ce-id" in headers:
        return identify_request(project, validate_key(headers["ce-id"]), traceparent=trace)
    job = keyed_job_id(project, origin)
    return RequestIdentity(project=project, job=job, is_repeatable=True, traceparent=trace)


def _origin(message: Msg) -> str:
    """A permanent name of a message, even if its stream is created again."""
    metadata = message.metadata
    return f"{STREAM} {metadata.sequence.stream} {metadata.timestamp.astimezone(UTC).isoformat()}"
