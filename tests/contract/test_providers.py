"""A provider keeps the promises of the port: it is paid once, found again, and never silent."""

import asyncio
import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, Protocol, get_args

import pytest

from heliograph.contracts.attempts import SentReference
from heliograph.contracts.errors import (
    ContentPolicy,
    JobError,
    NoOutput,
    ProviderProtocol,
    ProviderRejected,
    ProviderUnavailable,
)
from heliograph.contracts.id_generation import new_job_id
from heliograph.contracts.payloads.sim import Fault
from heliograph.contracts.problems import Charged
from heliograph.contracts.sim import LEDGER_FIELDS, SimRecord, read_ledger, records_in
from services.render.providers import Provider, Request
from services.render.providers.lookup_results import Ambiguous, Found, NotSubmitted, Unknown
from services.render.providers.request_states import (
    RequestQueued,
    RequestRunning,
    RequestStopped,
    RequestSucceeded,
    State,
)
from services.render.providers.sim import SimProvider
from services.render.providers.sim.request_store import SimRequestStore
from services.render.providers.submissions import Accepted, AmbiguousSubmit, RateLimited, Submission
from tests.support.timeouts import TIMEOUT


class Rig(Protocol):
    """An adapter under test, and the provider behind it."""

    provider: Provider
    elsewhere: Provider  #: the same account, in another process
    miss: NotSubmitted | Unknown  #: what it says of a request that it does not have

    def submission(
        self, *, fault: str | None = None, seconds: float = 0, outputs: int = 1
    ) -> Submission:
        """A request for a new job: how long it renders, and what goes wrong with it."""

    def paid(self, submission: Submission) -> int:
        """How many requests the provider accepted for a job, in its own books."""


class SimRig:
    """The sim in a home of its own."""

    miss = NotSubmitted()

    def __init__(self, home: Path) -> None:
        self.home = home
        self.provider: Provider = SimProvider(home, "http://127.0.0.1:8083")
        self.elsewhere: Provider = SimProvider(home, "http://127.0.0.1:8083")

    def submission(
        self, *, fault: str | None = None, seconds: float = 0, outputs: int = 1
    ) -> Submission:
        return sim_submission(fault=fault, seconds=seconds, num_images=outputs)

    def paid(self, submission: Submission) -> int:
        return len(self.lines(submission))

    def lines(self, submission: Submission) -> list[SimRecord]:
        return [line for line in read_ledger(self.home) if line.job == submission.job]


RIGS = ("sim", "fal_rig", "replicate_rig")  #: each a fixture of that name


@pytest.fixture(params=RIGS)
def rig(request: pytest.FixtureRequest) -> Rig:
    chosen: Rig = request.getfixturevalue(request.param)
    return chosen


@pytest.fixture
def sim(tmp_path: Path) -> SimRig:
    """The sim promises more than other providers can."""
    return SimRig(tmp_path / "home")


def sim_submission(
    *, job: str | None = None, run: int = 7, attempt: int = 1, **arguments: Any
) -> Submission:
    given = {"prompt": "a lighthouse", "steps": 4, **arguments}
    return Submission(
        project="demo",
        job=job or new_job_id(),
        run=run,
        attempt=attempt,
        model="sim/picture",
        endpoint="picture",
        arguments=given,
        body=given,
        references=[],
        price=Decimal("0.01"),
    )


async def _accepted(provider: Provider, submission: Submission) -> Request:
    accepted = await provider.submit(submission)
    assert isinstance(accepted, Accepted)
    return Request(request_id=accepted.request_id, endpoint=submission.endpoint)


async def _states(provider: Provider, request: Request) -> list[State]:
    """What it says until it is done with a request, in order."""
    end = time.monotonic() + TIMEOUT
    states = [await provider.poll(request)]
    while isinstance(states[-1], RequestQueued | RequestRunning):
        assert time.monotonic() < end, "it does not end"
        await asyncio.sleep(0.01)
        states.append(await provider.poll(request))
    return states


async def _end(provider: Provider, request: Request) -> State:
    return (await _states(provider, request))[-1]


async def _look_up(provider: Provider, submission: Submission) -> Found | NotSubmitted | Unknown:
    """What a look-up comes to, where no other attempt has the one request that it shows."""
    seen = await provider.look_up(submission)
    if not isinstance(seen, Ambiguous):
        return seen
    [name] = seen.request_ids
    return Found(request_id=name)


async def _sees(provider: Provider, submission: Submission) -> Request:
    """The request that a look-up found."""
    result = await _look_up(provider, submission)
    assert isinstance(result, Found)
    return Request(request_id=result.request_id, endpoint=submission.endpoint)


async def test_a_submission_is_accepted_once_and_gets_an_id(rig: Rig) -> None:
    submission = rig.submission()

    request = await _accepted(rig.provider, submission)

    assert request.request_id
    assert rig.paid(submission) == 1


async def test_submissions_of_two_jobs_are_two_requests(rig: Rig) -> None:
    one, another = [await _accepted(rig.provider, rig.submission()) for _ in range(2)]

    assert one.request_id != another.request_id


@pytest.mark.parametrize("outputs", [1, 3])
async def test_a_request_ends_with_its_outputs(rig: Rig, outputs: int) -> None:
    request = await _accepted(rig.provider, rig.submission(outputs=outputs))

    end = await _end(rig.provider, request)

    assert isinstance(end, RequestSucceeded)
    assert end.charged == "yes"
    places = {output.url or output.inline for output in end.outputs}
    assert None not in places
    assert len(places) == outputs


async def test_a_request_that_is_done_stays_done(rig: Rig) -> None:
    request = await _accepted(rig.provider, rig.submission())
    end = await _end(rig.provider, request)

    assert await rig.provider.poll(request) == end
    assert await rig.elsewhere.poll(request) == end


async def test_progress_never_goes_back(rig: Rig) -> None:
    request = await _accepted(rig.provider, rig.submission(seconds=2))

    states = await _states(rig.provider, request)

    percents = [s.progress.percent or 0 for s in states if isinstance(s, RequestRunning)]
    assert percents
    assert all(before <= after for before, after in pairwise(percents))
    assert all(0 <= percent < 100 for percent in percents)
    assert isinstance(states[-1], RequestSucceeded)


async def test_polling_pays_nothing(rig: Rig) -> None:
    submission = rig.submission(seconds=0.1)
    request = await _accepted(rig.provider, submission)

    await _end(rig.provider, request)

    assert rig.paid(submission) == 1


async def test_what_was_accepted_is_found(rig: Rig) -> None:
    submission = rig.submission()
    request = await _accepted(rig.provider, submission)

    assert await _look_up(rig.provider, submission) == Found(request_id=request.request_id)


async def test_what_was_never_sent_is_not_there(rig: Rig) -> None:
    await _accepted(rig.provider, rig.submission())

    assert await _look_up(rig.provider, rig.submission()) == rig.miss


async def test_looking_for_a_request_does_not_make_one(rig: Rig) -> None:
    submission = rig.submission()
    for _ in range(3):
        await _look_up(rig.provider, submission)

    assert rig.paid(submission) == 0


async def test_another_process_finds_the_request_and_follows_it(rig: Rig) -> None:
    submission = rig.submission(seconds=0.1)
    await _accepted(rig.provider, submission)

    request = await _sees(rig.elsewhere, submission)

    assert isinstance(await _end(rig.elsewhere, request), RequestSucceeded)
    assert rig.paid(submission) == 1


async def test_a_request_progresses_without_polling(rig: Rig) -> None:
    alone, watched = [await _accepted(rig.provider, rig.submission(seconds=0.1)) for _ in range(2)]

    await _end(rig.provider, watched)

    assert isinstance(await rig.elsewhere.poll(alone), RequestSucceeded)


async def test_a_request_that_is_canceled_stops(rig: Rig) -> None:
    request = await _accepted(rig.provider, rig.submission(seconds=60))

    await rig.provider.cancel(request)

    end = await _end(rig.provider, request)
    assert isinstance(end, RequestStopped)
    assert str(end.error) == "stopped on request"


async def test_another_process_can_cancel(rig: Rig) -> None:
    request = await _accepted(rig.provider, rig.submission(seconds=60))

    await rig.elsewhere.cancel(request)

    end = await _end(rig.provider, request)
    assert isinstance(end, RequestStopped)
    assert str(end.error) == "stopped on request"


async def test_canceling_twice_is_canceling_once(rig: Rig) -> None:
    request = await _accepted(rig.provider, rig.submission(seconds=60))

    for _ in range(2):
        await rig.provider.cancel(request)

    assert isinstance(await _end(rig.provider, request), RequestStopped)


async def test_a_cancel_that_comes_too_late_takes_nothing_away(rig: Rig) -> None:
    request = await _accepted(rig.provider, rig.submission())
    end = await _end(rig.provider, request)

    await rig.provider.cancel(request)

    assert await rig.provider.poll(request) == end


async def test_a_request_the_provider_does_not_know_ends_without_a_word_about_money(
    rig: Rig,
) -> None:
    nobody = Request(request_id="nobody", endpoint="picture")
    await rig.provider.cancel(nobody)

    end = await rig.provider.poll(nobody)

    assert isinstance(end, RequestStopped)
    assert end.charged == "unknown"


class FaultCase(NamedTuple):
    """What happens to a submission that is repeated until it is accepted or hopeless."""

    submits: list[type[Exception | Accepted]]
    seen: type[Found | NotSubmitted | Unknown]
    end: type[RequestSucceeded | RequestStopped | RequestRunning] | None
    error: type[JobError] | None = None
    charged: Charged = "yes"
    paid: int = 1


FAULT_CASES = {
    "reject": FaultCase([ProviderRejected], NotSubmitted, None, paid=0),
    "rate_limited": FaultCase([RateLimited, Accepted], Found, RequestSucceeded),
    "unavailable": FaultCase(
        [ProviderUnavailable, ProviderUnavailable, Accepted], Found, RequestSucceeded
    ),
    "policy": FaultCase([Accepted], Found, RequestStopped, ContentPolicy),
    "lost_reply": FaultCase([AmbiguousSubmit], Unknown, None),
    "found_reply": FaultCase([AmbiguousSubmit], Found, RequestSucceeded),
    "hang": FaultCase([Accepted], Found, RequestRunning),
    "garbage": FaultCase([Accepted], Found, RequestStopped, ProviderProtocol),
    "no_output": FaultCase([Accepted], Found, RequestStopped, NoOutput),
    "wrong_type": FaultCase([Accepted], Found, RequestSucceeded),
    "huge": FaultCase([Accepted], Found, RequestSucceeded),
    "flaky_download": FaultCase([Accepted], Found, RequestSucceeded),
}


@pytest.mark.parametrize("fault", FAULT_CASES)
async def test_a_fault_shows_at_the_port_as_the_table_says(rig: Rig, fault: str) -> None:
    case = FAULT_CASES[fault]
    submission = rig.submission(fault=fault)

    results = [await _submit_result(rig.provider, submission) for _ in case.submits]
    seen = await _look_up(rig.provider, submission)
    end = await _after(rig.provider, submission, seen) if case.end else None

    assert [type(result) for result in results] == case.submits
    assert type(seen) is (type(rig.miss) if case.seen is NotSubmitted else case.seen)
    assert rig.paid(submission) == case.paid
    assert end is None or type(end) is case.end
    if isinstance(end, RequestStopped):
        assert (type(end.error), end.charged) == (case.error, case.charged)
    if isinstance(end, RequestSucceeded):
        assert (len(end.outputs), end.charged) == (1, case.charged)


async def _submit_result(provider: Provider, submission: Submission) -> object:
    try:
        return await provider.submit(submission)
    except (JobError, AmbiguousSubmit) as error:
        return error


async def _after(
    provider: Provider, submission: Submission, seen: Found | NotSubmitted | Unknown
) -> State:
    """Where a request that was found is, some polls later."""
    assert isinstance(seen, Found)
    request = Request(request_id=seen.request_id, endpoint=submission.endpoint)
    for _ in range(5):
        state = await provider.poll(request)
    return state


def test_every_fault_of_the_sim_has_a_case() -> None:
    assert set(FAULT_CASES) == set(get_args(Fault))


async def test_a_rejection_is_final_and_names_provider_and_reason(rig: Rig) -> None:
    with pytest.raises(ProviderRejected) as caught:
        await rig.provider.submit(rig.submission(fault="reject"))

    assert not caught.value.retryable
    assert caught.value.provider
    assert str(caught.value) != ProviderRejected.title()


async def test_too_fast_comes_with_a_time_to_wait(rig: Rig) -> None:
    submission = rig.submission(fault="rate_limited")

    with pytest.raises(RateLimited) as caught:
        await rig.provider.submit(submission)

    assert caught.value.seconds == 1
    assert caught.value.retryable
    assert rig.paid(submission) == 0
    assert await _look_up(rig.provider, submission) == rig.miss


async def test_an_unavailable_provider_accepted_nothing(rig: Rig) -> None:
    submission = rig.submission(fault="unavailable")

    with pytest.raises(ProviderUnavailable) as caught:
        await rig.provider.submit(submission)

    assert not isinstance(caught.value, RateLimited)
    assert caught.value.retryable
    assert rig.paid(submission) == 0
    assert await _look_up(rig.provider, submission) == rig.miss


async def test_faults_before_acceptance_are_counted_over_all_processes(rig: Rig) -> None:
    submission = rig.submission(fault="unavailable")

    results = [
        await _submit_result(provider, submission)
        for provider in (rig.provider, rig.elsewhere, rig.provider)
    ]

    refused = [ProviderUnavailable, ProviderUnavailable]
    assert [type(result) for result in results] == [*refused, Accepted]


async def test_a_lost_reply_may_be_found_by_another_process(rig: Rig) -> None:
    submission = rig.submission(fault="found_reply")
    with pytest.raises(AmbiguousSubmit):
        await rig.provider.submit(submission)

    request = await _sees(rig.elsewhere, submission)

    assert isinstance(await _end(rig.elsewhere, request), RequestSucceeded)
    assert rig.paid(submission) == 1


async def test_not_to_see_a_request_proves_nothing(rig: Rig) -> None:
    submission = rig.submission(fault="lost_reply")
    before = await _look_up(rig.provider, submission)
    with pytest.raises(AmbiguousSubmit):
        await rig.provider.submit(submission)

    assert before == await _look_up(rig.elsewhere, submission) == Unknown()
    assert rig.paid(submission) == 1


async def test_a_request_that_hangs_can_be_canceled(rig: Rig) -> None:
    request = await _accepted(rig.provider, rig.submission(fault="hang"))
    assert isinstance(await rig.provider.poll(request), RequestRunning)

    await rig.provider.cancel(request)

    end = await _end(rig.provider, request)
    assert isinstance(end, RequestStopped)
    assert str(end.error) == "stopped on request"


async def test_the_sim_takes_a_repeated_submission_for_the_one_it_has(sim: SimRig) -> None:
    submission = sim.submission()

    requests = [
        await _accepted(provider, submission)
        for provider in (sim.provider, sim.elsewhere, sim.provider)
    ]

    assert requests[0] == requests[1] == requests[2]
    assert sim.paid(submission) == 1


async def test_of_many_submissions_at_once_the_sim_accepts_one(sim: SimRig) -> None:
    submission = sim.submission()

    requests = await asyncio.gather(
        *(_accepted(p, submission) for p in 8 * [sim.provider, sim.elsewhere])
    )

    assert all(request == requests[0] for request in requests)
    assert sim.paid(submission) == 1


async def test_a_repeated_submission_does_not_begin_again(sim: SimRig) -> None:
    submission = sim.submission(seconds=0.1)
    request = await _accepted(sim.provider, submission)
    end = await _end(sim.provider, request)

    await _accepted(sim.elsewhere, submission)

    assert await sim.provider.poll(request) == end


async def test_the_first_submission_counts_whatever_a_later_one_says(sim: SimRig) -> None:
    submission = sim.submission(outputs=1)
    request = await _accepted(sim.provider, submission)

    await _accepted(sim.provider, sim_submission(job=submission.job, seconds=0, num_images=4))

    end = await _end(sim.provider, request)
    assert isinstance(end, RequestSucceeded)
    assert len(end.outputs) == 1


async def test_another_run_of_a_job_is_another_request(sim: SimRig) -> None:
    first = sim_submission(run=7, seconds=0)
    second = sim_submission(job=first.job, run=8, attempt=2, seconds=0)

    one, another = [await _accepted(sim.provider, each) for each in (first, second)]

    assert one != another
    assert [line.attempt for line in sim.lines(first)] == [1, 2]


async def test_a_run_that_was_not_sent_is_absent_though_another_was(sim: SimRig) -> None:
    first = sim_submission(run=7)
    await _accepted(sim.provider, first)

    assert await _look_up(sim.provider, sim_submission(job=first.job, run=8)) == NotSubmitted()


async def test_a_ledger_line_names_project_job_and_price(sim: SimRig) -> None:
    submission = sim.submission(fault="policy")
    request = await _accepted(sim.provider, submission)

    [line] = sim.lines(submission)

    shown = line.ledger_line()
    assert shown.pop("at")
    assert tuple(line.ledger_line()) == LEDGER_FIELDS
    assert shown == {
        "request_id": request.request_id,
        "project": "demo",
        "job": submission.job,
        "attempt": 1,
        "model": "sim/picture",
        "price": "0.01",
        "fault": "policy",
    }


async def test_the_record_keeps_what_the_result_is_made_of(sim: SimRig) -> None:
    reference = SentReference(url="http://127.0.0.1:9000/a?sig=secret", digest="sha256:1")
    submission = sim_submission(seed=3)
    submission.references.append(reference)
    await _accepted(sim.provider, submission)

    [line] = sim.lines(submission)

    assert line.arguments == submission.arguments
    assert line.references == ["sha256:1"]
    assert "secret" not in line.model_dump_json()


@pytest.mark.parametrize(
    "arguments",
    [
        {"style": "oil"},
        {"seconds": -1},
        {"seconds": "soon"},
        {"steps": 0},
        {"num_images": 5},
        {"aspect_ratio": "5:7"},
        {"seed": 2**32},
        {"prompt": None},
        {"fault": "unheard of"},
    ],
    ids=str,
)
async def test_arguments_the_sim_does_not_know_are_rejected_unpaid(
    sim: SimRig, arguments: dict[str, Any]
) -> None:
    submission = sim_submission(**arguments)

    with pytest.raises(ProviderRejected, match=next(iter(arguments))):
        await sim.provider.submit(submission)

    assert sim.paid(submission) == 0
    assert await _look_up(sim.provider, submission) == NotSubmitted()


async def test_progress_is_no_less_than_nothing_when_the_clock_is_put_back(sim: SimRig) -> None:
    submission = sim.submission(seconds=5)
    request = await _accepted(sim.provider, submission)
    [line] = sim.lines(submission)
    later = line.model_copy(
        update={"request_id": "sim_later_7", "at": line.at + timedelta(minutes=10)}
    )
    SimRequestStore(sim.home).accept(later)

    state = await sim.provider.poll(replace(request, request_id="sim_later_7"))

    assert isinstance(state, RequestRunning)
    assert (state.progress.percent or 0) >= 0


_SUBMITS_FOR_EVER = """
import asyncio, sys
from pathlib import Path
from services.render.providers.sim import SimProvider
from tests.contract.test_providers import sim_submission

async def main():
    sim = SimProvider(Path(sys.argv[1]), "http://127.0.0.1:8083")
    while True:
        submission = sim_submission(seconds=0)
        await sim.submit(submission)
        print(submission.job, flush=True)

asyncio.run(main())
"""


def test_a_process_killed_while_it_submits_leaves_whole_requests_only(sim: SimRig) -> None:
    command = [sys.executable, "-c", _SUBMITS_FOR_EVER, str(sim.home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        shown = [process.stdout.readline().strip() for _ in range(50)]
        process.kill()

    accepted = [line.job for line in read_ledger(sim.home)]
    assert set(shown) <= set(accepted)
    assert len(accepted) == len(set(accepted))


async def test_a_half_written_record_is_ignored(sim: SimRig) -> None:
    submission = sim.submission()
    (records_in(sim.home) / f".sim_{submission.job.removeprefix('job_')}_7.ab12").write_text("{")

    assert await _look_up(sim.provider, submission) == NotSubmitted()
    await _accepted(sim.provider, submission)
    assert sim.paid(submission) == 1
