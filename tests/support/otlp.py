"""A receiver of traces, as collectors are: OTLP over HTTP, spans kept in memory."""

import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.support.timeouts import TIMEOUT


class ReceivedSpan(NamedTuple):
    """A span, as a service sent it."""

    service: str
    name: str
    kind: str
    trace: str
    id: str
    parent: str  #: empty: it began the trace
    attributes: dict[str, str]


class TraceReceiver:
    """What came in."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.bodies = b""  #: as they came
        self._spans: list[ReceivedSpan] = []
        self._came = threading.Condition()

    def receive(self, body: bytes) -> None:
        request = ExportTraceServiceRequest.FromString(body)
        with self._came:
            self.bodies += body
            for resource in request.resource_spans:
                service = _strings(resource.resource)["service.name"]
                for scope in resource.scope_spans:
                    self._spans += [_received(service, span) for span in scope.spans]
            self._came.notify_all()

    def trace(self, trace: str, names: Collection[str]) -> list[ReceivedSpan]:
        """The spans of a trace, once those with some names are there: each service sends its own."""
        end = time.monotonic() + TIMEOUT
        with self._came:
            while missing := set(names) - {span.name for span in self._of(trace)}:
                assert self._came.wait(end - time.monotonic()), f"no span is called {missing}"
            return self._of(trace)

    def _of(self, trace: str) -> list[ReceivedSpan]:
        return [span for span in self._spans if span.trace == trace]

    @property
    def names(self) -> set[str]:
        with self._came:
            return {span.name for span in self._spans}


def _received(service: str, span: Span) -> ReceivedSpan:
    return ReceivedSpan(
        service=service,
        name=span.name,
        kind=Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        attributes=_strings(span),
    )


def _strings(carrier: object) -> dict[str, str]:
    attributes = getattr(carrier, "attributes")  # noqa: B009  # of a span, and of a resource
    return {each.key: each.value.string_value for each in attributes}


@contextmanager
def trace_receiver() -> Iterator[TraceReceiver]:
    """Listening on a free port, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.receive(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver = TraceReceiver(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield receiver
        finally:
            server.shutdown()
