"""A job is one trace, from its request to the store; what is secret is in no span."""

from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest

from tests.support.fal.emulator_process import FalAccount, FalServer
from tests.support.otlp import ReceivedSpan, TraceReceiver, trace_receiver
from tests.support.stack import Stack, stack_running

#: spans of a whole job, and the service that each is of
WHOLE = {
    "POST /v1/projects/{project}/jobs": "heliograph-gateway",
    "append accepted": "heliograph-gateway",
    "run portraits": "heliograph-render",
    "append submitting": "heliograph-render",
    "fal submit": "heliograph-render",
    "append rendered": "heliograph-render",
    "store": "heliograph-storage",
    "append succeeded": "heliograph-storage",
}


@pytest.fixture(scope="module")
def receiver() -> Iterator[TraceReceiver]:
    with trace_receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def fal(fal_server: FalServer) -> FalAccount:
    return fal_server.account(uuid4().hex)


@pytest.fixture(scope="module")
def stack(
    receiver: TraceReceiver, fal: FalAccount, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    settings = {
        "HELIOGRAPH_OTLP_ENDPOINT": receiver.url,
        "HELIOGRAPH_FAL_BASE_URL": fal.url,
        "FAL_KEY": fal.key,
    }
    with stack_running(tmp_path_factory.mktemp("home"), settings) as stack:
        yield stack


@pytest.fixture
async def trace(stack: Stack, project: str) -> str:
    """The id of the trace of a job that has succeeded, begun by its client."""
    trace = uuid4().hex
    async with (
        stack.client(project) as client,
        httpx.AsyncClient(base_url=stack.url("gateway"), trust_env=False) as http,
    ):
        response = await http.post(
            f"/v1/projects/{project}/jobs",
            json={"kind": "portrait", "prompt": f"a keeper {trace}", "model": "fal/flux-schnell"},
            headers={
                "Idempotency-Key": trace,
                "traceparent": f"00-{trace}-00f067aa0ba902b7-01",
            },
        )
        [ended] = await client.finish(response.json()["id"])
    assert ended.status == "succeeded"
    return trace


async def test_a_job_is_one_trace_from_its_request_to_the_store(
    receiver: TraceReceiver, trace: str
) -> None:
    spans = receiver.trace(trace, WHOLE)

    assert WHOLE.items() <= {span.name: span.service for span in spans}.items()
    assert _under(spans, "fal submit") == {"POST"}
    assert _under(spans, "store") >= {"GET", "PUT", "append succeeded"}


async def test_each_span_hangs_on_another_of_the_same_trace(
    receiver: TraceReceiver, trace: str
) -> None:
    spans = receiver.trace(trace, WHOLE)

    known = {span.id for span in spans} | {"00f067aa0ba902b7"}
    assert [span.name for span in spans if span.parent not in known] == []


async def test_spans_hold_no_signature_no_query_and_no_prompt(
    receiver: TraceReceiver, trace: str, fal: FalAccount
) -> None:
    spans = receiver.trace(trace, WHOLE)

    sent = receiver.bodies.decode("latin-1")
    assert "http://" in sent
    for secret in ("X-Amz", "a keeper", fal.key):
        assert secret not in sent
    assert [s for s in spans if any("?" in value for value in s.attributes.values())] == []


async def test_names_of_spans_do_not_grow_with_jobs(
    receiver: TraceReceiver, trace: str, project: str
) -> None:
    receiver.trace(trace, WHOLE)

    assert not any(project in name or trace in name for name in receiver.names)
    assert len(receiver.names) < 40


def _under(spans: list[ReceivedSpan], name: str) -> set[str]:
    """Names of the spans right below one."""
    above = {span.id for span in spans if span.name == name}
    return {span.name for span in spans if span.parent in above}
