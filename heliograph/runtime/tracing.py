"""
Tracing: spans of a job, in the trace that its request began.

OpenTelemetry's API, which does nothing until `trace_export` gives it an exporter. Names of spans are
few: no subject, address or id is part of one.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from types import MappingProxyType

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from heliograph.contracts.records import Record

_tracer = trace.get_tracer("heliograph")
_w3c = TraceContextTextMapPropagator()

_NO_SPAN = nullcontext(trace.INVALID_SPAN)
_NONE: Mapping[str, str] = MappingProxyType({})
_NATS = {"messaging.system": "nats"}


def span(name: str) -> AbstractContextManager[Span]:
    """A span of the current trace."""
    return _span(name)


def publish_span(name: str) -> AbstractContextManager[Span]:
    """A message to NATS, until it is acknowledged."""
    return _span(name, SpanKind.PRODUCER, attributes=_NATS)


def message_span(
    name: str, traceparent: str | None, about: Mapping[str, str] = _NONE
) -> AbstractContextManager[Span]:
    """A message from NATS, in the trace that it names (W3C); without one, in a trace of its own."""
    if not _is_traced():
        return _NO_SPAN
    parent = _w3c.extract({"traceparent": traceparent} if traceparent else {})
    return _span(name, SpanKind.CONSUMER, parent=parent, attributes={**_NATS, **about})


def job_span(name: str, record: Record) -> AbstractContextManager[Span]:
    """A message about a job, in the trace of its request."""
    if not _is_traced():
        return _NO_SPAN
    about = {"heliograph.job": record.id, "heliograph.project": record.project}
    about |= {"heliograph.kind": record.kind, "heliograph.model": record.model}
    return message_span(name, record.internal.traceparent, about)


def untraced() -> AbstractContextManager[Span]:
    """Context without spans, for calls so frequent that they would hide the others."""
    here = trace.get_current_span().get_span_context()
    unsampled = SpanContext(here.trace_id, here.span_id, False, TraceFlags(TraceFlags.DEFAULT))
    return trace.use_span(NonRecordingSpan(unsampled)) if here.is_valid else _NO_SPAN


def current_traceparent() -> str | None:
    """W3C `traceparent` of what is traced here; None: nothing is."""
    if trace.get_current_span() is trace.INVALID_SPAN:
        return None
    carrier: dict[str, str] = {}
    _w3c.inject(carrier)
    return carrier.get("traceparent")


def _span(
    name: str,
    kind: SpanKind = SpanKind.INTERNAL,
    *,
    parent: Context | None = None,
    attributes: Mapping[str, str] = _NONE,
) -> AbstractContextManager[Span]:
    if not _is_traced():
        return _NO_SPAN
    return _tracer.start_as_current_span(
        name, context=parent, kind=kind, attributes=attributes, record_exception=False
    )


def _is_traced() -> bool:
    """Whether there is an exporter. Without one, a span is empty, and costs ten times as much as none."""
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
