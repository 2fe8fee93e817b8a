"""
Trace export: sends spans to an OTLP endpoint over HTTP, without what may be secret.

Imported only where `HELIOGRAPH_OTLP_ENDPOINT` is set; needs the extra `otel`.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import requests
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.propagate import set_global_textmap
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    ParentBased,
    Sampler,
    SamplingResult,
)
from opentelemetry.trace import Link, SpanKind, Status, TraceState
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import Attributes

_TIMEOUT = 2.0  #: seconds for one request, and so for spans that are left when the process ends
_INTERVAL = 1.0  #: seconds between two requests

_PATH = "/v1/traces"
_QUERY = re.compile(r"(https?://[^\s?#\"']*)[?#][^\s\"']*")
#: a path may hold the token of a webhook, and `http.route` has it anyway
_DROPPED = frozenset({"url.path", "url.query", "http.target"})
_OF_ERRORS = frozenset({"exception.type"})  #: their texts may quote a prompt


def export_traces(endpoint: str, service: str) -> None:
    """Trace this process and its HTTP requests from now on."""
    set_global_textmap(
        TraceContextTextMapPropagator()
    )  # and no baggage, which would go to providers
    session = requests.Session()
    session.trust_env = False
    exporter = OTLPSpanExporter(
        endpoint=f"{endpoint.rstrip('/')}{_PATH}", timeout=_TIMEOUT, session=session
    )
    provider = TracerProvider(
        sampler=ParentBased(RequestsAndMessages()),
        resource=Resource.create({"service.name": f"heliograph-{service}"}),
    )
    provider.add_span_processor(
        BatchSpanProcessor(
            PrivateSpanExporter(exporter),
            schedule_delay_millis=int(_INTERVAL * 1000),
            export_timeout_millis=int(_TIMEOUT * 1000),
        )
    )
    trace.set_tracer_provider(provider)
    HTTPXClientInstrumentor().instrument()
    AioHttpClientInstrumentor().instrument()


class RequestsAndMessages(Sampler):
    """A trace begins with a request or a message: what a process does by itself belongs to none."""

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        begins = kind in (SpanKind.SERVER, SpanKind.CONSUMER)
        sampler = ALWAYS_ON if begins else ALWAYS_OFF
        return sampler.should_sample(parent_context, trace_id, name, kind, attributes, links)

    def get_description(self) -> str:
        return "RequestsAndMessages"


class PrivateSpanExporter(SpanExporter):
    """Hands spans on without queries, which hold signatures, and without texts of errors."""

    def __init__(self, inner: SpanExporter) -> None:
        self._inner = inner

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._inner.export([without_secrets(span) for span in spans])

    def shutdown(self) -> None:
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._inner.force_flush(timeout_millis)


def without_secrets(span: ReadableSpan) -> ReadableSpan:
    """The span as it may leave the process."""
    return ReadableSpan(
        name=span.name,
        context=span.get_span_context(),
        parent=span.parent,
        resource=span.resource,
        attributes=_attributes(span.attributes or {}),
        events=[_event(event) for event in span.events],
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _cut(value) for name, value in attributes.items() if name not in _DROPPED}


def _cut(value: Any) -> Any:
    return _QUERY.sub(r"\1", value) if isinstance(value, str) else value


def _event(event: Event) -> Event:
    known = {name: each for name, each in (event.attributes or {}).items() if name in _OF_ERRORS}
    return Event(event.name, known, event.timestamp)
