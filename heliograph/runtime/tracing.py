"""
Tracing: spans of a job, in the trace that its request began.

OpenTelemetry's API, which does nothing until `trace_export` gives it an exporter. Names of spans are
few: no subject, address or id is part of one.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from types import MappingProxyType

from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from heliograph.contracts.records import Record

_tracer = trace.get_tracer("heliograph")
_w3c = TraceContextTextMapPropagator()

_NATS = {"messaging.system": "nats"}
_NOTHING: Mapping[str, str] = MappingProxyType({})


def span(name: str) -> AbstractContextManager[Span]:
    """A part of what is traced here."""
    return _tracer.start_as_current_span(name, record_exception=False)


def publish_span(name: str) -> AbstractContextManager[Span]:
    """A message to NATS, until it is acknowledged."""
    return _tracer.start_as_current_span(
        name, kind=SpanKind.PRODUCER, attributes=_NATS, record_exception=False
    )


def message_span(
    name: str, traceparent: str | None, about: Mapping[str, str] = _NOTHING
) -> AbstractContextManager[Span]:
    """A message from NATS, in the trace that it names (W3C); without one, in a trace of its own."""
    return _tracer.start_as_current_span(
        name,
        context=_w3c.extract({"traceparent": traceparent} if traceparent else {}),
        kind=SpanKind.CONSUMER,
        attributes={**_NATS, **about},
        record_exception=False,
    )


def job_span(name: str, record: Record) -> AbstractContextManager[Span]:
    """A message about a job, in the trace of its request."""
    about = {"heliograph.job": record.id, "heliograph.project": record.project}
    about |= {"heliograph.kind": record.kind, "heliograph.model": record.model}
    return message_span(name, record.internal.traceparent, about)


def untraced() -> AbstractContextManager[Span]:
    """What happens so often that it would hide the rest."""
    here = trace.get_current_span().get_span_context()
    unsampled = SpanContext(here.trace_id, here.span_id, False, TraceFlags(TraceFlags.DEFAULT))
    return trace.use_span(NonRecordingSpan(unsampled))


def current_traceparent() -> str | None:
    """W3C `traceparent` of what is traced here; None: nothing is."""
    carrier: dict[str, str] = {}
    _w3c.inject(carrier)
    return carrier.get("traceparent")
