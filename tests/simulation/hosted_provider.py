"""A provider that may refuse, stay silent, accept late, or not see what it accepted."""

import asyncio
import hashlib
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from heliograph.contracts.errors import (
    ContentPolicy,
    JobError,
    ProviderRejected,
    ProviderUnavailable,
)
from heliograph.contracts.outputs import Output
from heliograph.contracts.problems import Charged
from heliograph.contracts.progress import Progress
from services.render.providers import Request
from services.render.providers.lookup_results import Ambiguous, LookupResult, NotSubmitted, Unknown
from services.render.providers.request_states import (
    RequestRunning,
    RequestStopped,
    RequestSucceeded,
    State,
)
from services.render.providers.submissions import Accepted, AmbiguousSubmit, RateLimited, Submission
from tests.simulation.processes import ask

PAID = frozenset({"open", "done", "spent", "inline"})  #: requests that cost, or will
SEEN = frozenset({"open", "done", "spent", "failed"})  #: requests that a look-up may find
OVER = frozenset({"done", "spent", "failed", "canceled"})

REFUSALS: dict[str, Callable[[], JobError]] = {
    "busy": lambda: RateLimited(retry_after=5.0),
    "down": lambda: ProviderUnavailable(),
    "rejected": lambda: ProviderRejected(),
}
SILENCES = ("accepted", "under way", "lost")  #: what became of a request whose reply is lost


@dataclass
class Hosted:
    """A request as the provider has it."""

    id: str
    job: str
    run: int
    state: str
    until: float  #: by then it is accepted, or it never will be
    is_acknowledged: bool = False  #: whoever sent it was told of it
    stops: int = 0  #: times that it was asked to stop

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def content(self) -> bytes:
        """What a response brings that has it inside."""
        return self.id.encode()

    @property
    def is_paid(self) -> bool:
        return self.state in PAID


class HostedProvider:
    """`Provider`; the scheduler says what each call comes to. It takes what it is sent, even twice."""

    can_look_up_requests = True

    def __init__(
        self,
        lands_until: Callable[[str, int], float],
        on_paid: Callable[[Hosted], None],
        is_known: Callable[[str], bool],
    ) -> None:
        self.requests: dict[str, Hosted] = {}
        self.refused: Counter[str] = Counter()  #: responses that let a job try again, by job
        self._is_known = is_known
        self._lands_until = lands_until
        self._on_paid = on_paid

    async def submit(self, submission: Submission) -> Accepted | RequestSucceeded:
        outcome = await ask("submit", submission.job, submission.run)
        if outcome in REFUSALS:
            self.refused[submission.job] += outcome == "down"
            raise REFUSALS[outcome]()
        if outcome in ("accepted", "inline"):
            hosted = self._receive(submission, {"accepted": "open"}.get(outcome, outcome))
            hosted.is_acknowledged = True
            if outcome == "accepted":
                return Accepted(request_id=hosted.id)
            name = f"{hosted.job}/{hosted.digest}"
            return RequestSucceeded(outputs=[Output(inline=name)], contents={name: hosted.content})
        how, what = outcome.split(": ")
        self._receive(submission, {"accepted": "open", "lost": "dropped"}.get(what, what))
        if how == "silence":
            await asyncio.sleep(math.inf)
        raise AmbiguousSubmit

    async def poll(self, request: Request) -> State:
        outcome = await ask("poll", request.request_id)
        self.refused[self.requests[request.request_id].job] += outcome in ("failed", "canceled")
        return _state(self.requests[request.request_id], outcome)

    async def cancel(self, request: Request) -> None:
        outcome = await ask("stop", request.request_id)
        hosted = self.requests[request.request_id]
        hosted.stops += 1
        if outcome == "canceled" and hosted.state == "open":
            hosted.state = "canceled"

    async def look_up(self, submission: Submission) -> LookupResult:
        """What is in an attempt of any job already looks the same, and is shown, too."""
        job, run = submission.job, submission.run
        outcome = await ask("look up", job, run)
        if outcome == "absent":
            return NotSubmitted()
        mine = self.seen(job, run)[:1] if outcome == "found" else []
        alike = mine + [each for each in self.requests.values() if self._is_strange(each, job, run)]
        return Ambiguous(request_ids=tuple(each.id for each in alike)) if alike else Unknown()

    def _is_strange(self, hosted: Hosted, job: str, run: int) -> bool:
        """Whether somebody could take a request for that of a job and run, and it is another."""
        is_other = (hosted.job, hosted.run) != (job, run)
        return is_other and hosted.state in SEEN and self._is_known(hosted.id)

    def seen(self, job: str, run: int) -> list[Hosted]:
        """What a look-up that sees everything would find."""
        mine = (each for each in self.requests.values() if (each.job, each.run) == (job, run))
        return [each for each in mine if each.state in SEEN]

    def become(self, request: str, state: str) -> None:
        """Something happens to a request inside the provider."""
        hosted = self.requests[request]
        is_new = hosted.state == "under way" and state == "open"
        hosted.state = state
        if is_new:
            self._on_paid(hosted)

    def let_go(self, time: float) -> None:
        """What is still under way now never arrives."""
        for hosted in self.requests.values():
            if hosted.state == "under way" and time > hosted.until:
                hosted.state = "dropped"

    def _receive(self, submission: Submission, state: str) -> Hosted:
        job, run = submission.job, submission.run
        until = self._lands_until(job, run)
        hosted = Hosted(f"request {len(self.requests) + 1}", job, run, state, until)
        self.requests[hosted.id] = hosted
        if hosted.is_paid:
            self._on_paid(hosted)
        return hosted


def _state(hosted: Hosted, outcome: str) -> State:
    match outcome:
        case "done":
            return _done(hosted)
        case "failed":
            return RequestStopped(error=ProviderUnavailable(), charged="no")
        case "spent":
            return RequestStopped(error=ContentPolicy(), charged="yes")
        case "canceled":
            return RequestStopped(error=ProviderUnavailable(), charged="no")
    return RequestRunning(progress=Progress())


def _done(hosted: Hosted) -> RequestSucceeded:
    charged: Charged = "yes"
    return RequestSucceeded(
        outputs=[Output(url=f"https://provider.example/{hosted.id}")], charged=charged
    )
