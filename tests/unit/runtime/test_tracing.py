"""Traces are off unless an address is set, and then hold nothing that is secret."""

import subprocess
import sys

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased
from opentelemetry.trace import SpanKind, Tracer

from heliograph.runtime.trace_export import PrivateSpanExporter, RequestsAndMessages
from heliograph.runtime.tracing import current_traceparent, message_span, untraced

SERVICES = ("gateway", "render", "storage", "status")
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.fixture
def exported() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracer(exported: InMemorySpanExporter) -> Tracer:
    provider = TracerProvider(sampler=ParentBased(RequestsAndMessages()))
    provider.add_span_processor(SimpleSpanProcessor(PrivateSpanExporter(exported)))
    return provider.get_tracer("test")


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_loads_no_exporter_while_traces_are_off(service: str) -> None:
    program = f"import sys, services.{service}.__main__; print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", program], text=True).split()

    heavy = ("opentelemetry.sdk", "opentelemetry.exporter", "opentelemetry.instrumentation")
    assert [name for name in loaded if name.startswith(heavy)] == []


def test_without_an_exporter_nothing_is_traced() -> None:
    with message_span("run shots", TRACEPARENT) as span:
        assert not span.is_recording()
    assert current_traceparent() is None


def test_queries_and_paths_do_not_leave_the_process(
    tracer: Tracer, exported: InMemorySpanExporter
) -> None:
    url = "https://s3.example/bucket/key.png"
    attributes = {"url.full": f"{url}?X-Amz-Signature=abc", "url.path": "/v1/hooks/fal/j/1/proof"}

    with tracer.start_as_current_span("GET", kind=SpanKind.SERVER, attributes=attributes):
        pass

    [span] = exported.get_finished_spans()
    assert dict(span.attributes or {}) == {"url.full": url}


def test_texts_of_errors_do_not_leave_the_process(
    tracer: Tracer, exported: InMemorySpanExporter
) -> None:
    with (
        pytest.raises(ValueError, match="secret"),
        tracer.start_as_current_span("GET", kind=SpanKind.SERVER),
    ):
        raise ValueError("a secret prompt")

    [span] = exported.get_finished_spans()
    assert "secret" not in span.to_json()
    assert _error_types(span) == ["ValueError"]


def _error_types(span: ReadableSpan) -> list[object]:
    return [(event.attributes or {}).get("exception.type") for event in span.events]


def test_what_a_process_does_by_itself_is_no_trace(
    tracer: Tracer, exported: InMemorySpanExporter
) -> None:
    with tracer.start_as_current_span("GET", kind=SpanKind.CLIENT):
        pass

    assert exported.get_finished_spans() == ()


def test_what_is_repeated_for_minutes_is_not_traced(
    tracer: Tracer, exported: InMemorySpanExporter
) -> None:
    with (
        tracer.start_as_current_span("run shots", kind=SpanKind.CONSUMER),
        untraced(),
        tracer.start_as_current_span("GET", kind=SpanKind.CLIENT),
    ):
        pass

    assert [span.name for span in exported.get_finished_spans()] == ["run shots"]
