"""A request whose reply was lost is found only where it can be no other job's."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from heliograph.contracts.attempts import SentReference
from heliograph.contracts.cloudevents import EventEnvelope
from heliograph.contracts.errors import Unavailable
from heliograph.contracts.job_events import Started, Submitting
from heliograph.runtime.bus.log_entries import LogEntry
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.transitions import transition
from heliograph.runtime.clock import now
from services.render.providers.lookup_results import Ambiguous, Found, LookupResult, Unknown
from services.render.providers.submissions import Submission
from services.render.worker.context import Worker
from services.render.worker.request_lookup import look_up
from tests.support.fal.rig import FalRig
from tests.support.fal.rig import a_submission as a_fal_submission
from tests.support.records import a_record
from tests.support.replicate.rig import ReplicateRig
from tests.support.replicate.rig import a_submission as a_replicate_submission
from tests.support.servers import Server
from tests.support.submissions import with_body
from tests.support.workers import a_worker

RUN = 7
MODELS = {"fal": "fal/flux-schnell", "replicate": "replicate/flux-schnell"}


@pytest.fixture(params=MODELS)
def rig(request: pytest.FixtureRequest) -> FalRig | ReplicateRig:
    chosen: FalRig | ReplicateRig = request.getfixturevalue(f"{request.param}_rig")
    return chosen


def _submission(rig: FalRig | ReplicateRig, **arguments: Any) -> Submission:
    made = a_fal_submission if isinstance(rig, FalRig) else a_replicate_submission
    return made(**arguments)


def _editing(rig: FalRig | ReplicateRig, url: str) -> Submission:
    """A request with a reference."""
    if isinstance(rig, FalRig):
        submission = a_fal_submission("fal/flux-kontext")
    else:
        submission = a_replicate_submission("replicate/flux-kontext-pro")
    return with_body(replace(submission, references=[SentReference(url=url, digest="sha256:0")]))


async def test_every_field_that_was_sent_tells_a_request_from_others(
    rig: FalRig | ReplicateRig,
) -> None:
    submission = _submission(rig, aspect_ratio="16:9")
    await rig.provider.submit(submission)

    mine = await rig.provider.look_up(submission)
    square = await rig.provider.look_up(
        with_body(replace(submission, arguments={**submission.arguments, "aspect_ratio": "1:1"}))
    )

    assert isinstance(mine, Ambiguous)
    assert square == Unknown()


async def test_the_address_of_a_reference_tells_a_request_from_others(
    rig: FalRig | ReplicateRig,
) -> None:
    submission = _editing(rig, "https://pictures.example/one.png")
    await rig.provider.submit(submission)

    mine = await rig.provider.look_up(submission)
    other = SentReference(url="https://pictures.example/two.png", digest="sha256:0")

    assert isinstance(mine, Ambiguous)
    elsewhere = with_body(replace(submission, references=[other]))
    assert await rig.provider.look_up(elsewhere) == Unknown()


async def test_what_was_sent_before_the_intent_was_stored_is_another(
    rig: FalRig | ReplicateRig,
) -> None:
    submission = _submission(rig)
    await rig.provider.submit(submission)
    assert submission.at

    within = replace(submission, at=submission.at + timedelta(seconds=50))
    later = replace(submission, at=submission.at + timedelta(seconds=70))

    assert isinstance(await rig.provider.look_up(within), Ambiguous)
    assert await rig.provider.look_up(later) == Unknown()
    assert await rig.provider.look_up(replace(submission, at=None)) == Unknown()


@pytest.mark.parametrize("name", ["one", "another"])
async def test_a_seed_that_the_caller_gave_identifies_nothing(
    rig: FalRig | ReplicateRig, name: str
) -> None:
    submission = _submission(rig, seed=7 if name == "one" else 0)
    await rig.provider.submit(submission)

    assert await rig.provider.look_up(submission) == Unknown()


# -- what other attempts have


class Seeing:
    """A provider whose list shows some requests that look like every one."""

    def __init__(self, worker: Worker, *requests: str) -> None:
        self._provider, self._requests = worker.providers["sim"], requests
        self.requested: list[Submission] = []

    async def look_up(self, submission: Submission) -> LookupResult:
        self.requested.append(submission)
        return Ambiguous(request_ids=self._requests)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._provider, name)


class Index:
    """The requests that attempts have; None: it does not answer."""

    def __init__(self, known: frozenset[str] | None) -> None:
        self._known = known

    async def known(self, provider: str, requests: tuple[str, ...]) -> frozenset[str]:
        if self._known is None:
            raise Unavailable
        return self._known.intersection(requests)


async def _submitting(bus: NatsBus) -> LogEntry:
    entry = await bus.events.append(EventEnvelope.of("accepted", a_record(), now(), "test"), 0)
    entry = await transition(bus.events, entry, Started(run=RUN))
    intent = Submitting(run=RUN, endpoint="picture", prompt="x", arguments={}, references=[])
    return await transition(bus.events, entry, intent)


@pytest.mark.parametrize(
    ("shown", "known", "seen"),
    [
        (["one"], [], Found(request_id="one")),
        (["one"], ["one"], Unknown()),
        (["one", "two"], ["one"], Found(request_id="two")),
        (["one", "two"], [], Unknown()),
        (["one"], None, Unknown()),
    ],
)
async def test_only_one_request_that_no_attempt_has_is_the_one(
    bus: NatsBus, nats: Server, shown: list[str], known: list[str] | None, seen: Found | Unknown
) -> None:
    worker = a_worker(bus, nats.settings)
    index = Index(None if known is None else frozenset(known))
    worker = replace(worker, requests=index, providers={"sim": Seeing(worker, *shown)})
    entry = await _submitting(bus)

    assert await look_up(worker, entry.record) == seen


async def test_the_time_of_an_intent_is_that_of_the_log(bus: NatsBus, nats: Server) -> None:
    worker = a_worker(bus, nats.settings)
    seeing = Seeing(worker, "one")
    worker = replace(worker, requests=Index(frozenset()), providers={"sim": seeing})
    entry = await _submitting(bus)
    stored = await bus.events.last(entry.record.id)
    assert stored

    await look_up(worker, entry.record)

    assert stored.stored_at
    assert seeing.requested[0].at == stored.stored_at
