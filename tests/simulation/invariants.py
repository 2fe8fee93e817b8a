"""
The promises. I1: what was accepted ends. I2: once. I3: nothing is paid unasked. I4: no more at once
than the account allows. I5: one open job per slot, one job per key. I6: no place is kept. I7: what a
job says of its bytes and its costs is so. I8: who waits for others starts after they have succeeded.
I9: a deadline stops the provider and loses nothing that was paid for: it is a request to stop first,
and what is learned after an end completes the attempt, and changes nothing else. I10: a crash costs
no attempt, and a job in which everybody crashes ends.
"""

from heliograph.contracts.deadlines import AT_PROVIDER
from heliograph.contracts.errors import DependencyFailed
from heliograph.contracts.job_steps import Step
from heliograph.contracts.records import Record
from heliograph.runtime.bus.log_entries import LogEntry
from services.render.worker.response_spool import InlineResponse
from tests.simulation.hosted_provider import Hosted
from tests.simulation.state import ENDED, Broken, ClientResponse, News, State, Written, settings
from tests.simulation.virtual_time import clock, now

_GOOD = frozenset({200, 202})
_PASSING = 503
_TIMEOUT = settings().render.submit_limit + settings().render.ack_wait  #: seconds, with workers
_GIVEN_UP = frozenset({"provider_timeout", "poison"})  #: outcomes after which nobody asks any more
_FIRST = frozenset({"accepted", "deduplicated"})  #: only ever the first event of a job


def check_act(state: State) -> None:
    """After every act. Raises Broken."""
    news, state.news = state.news, News()
    for surprise in news.surprises:
        raise Broken(f"a handler broke: {surprise}")
    for written in news.written:
        _check_event(state, written)
    for hosted in news.paid:
        _check_payment(state, hosted)
    for response in news.responses:
        _check_response(state, response)
    _check_places(state)
    _check_slots(state)
    _check_tickets(state)


def check_rest(state: State, *, undecided: bool = True) -> None:
    """
    When faults are over, and everybody had their turn again and again. Raises Broken.

    `undecided` says whether a person may still think about a `submit_unknown`.
    """
    for record in state.records():
        _check_end(state, record, undecided)
    waiting = [
        job for job in state.work.queue if not (undecided and _waits_for_a_person(state, job))
    ]
    missing = _names(state, state.events.missing())
    _check(not missing, f"I1: {missing} only in a budget record")
    _check(not waiting, f"I1: left in the queue: {_names(state, waiting)}")
    left = [message.job for message in state.work.messages]
    _check(not left, f"I1: messages left for {_names(state, left)}")
    _check(not state.processes, f"I1: {', '.join(state.processes)} never end")
    for kept in state.spool.ever:
        _check_inline_response(state, kept.response)
    _check(not state.spool.waiting, "I7: answers are left in the spool")
    holders = _names(state, state.accounts.holders)
    _check(not holders, f"I6: places are kept for {holders}")


def _check(holds: bool, reason: str) -> None:
    if not holds:
        raise Broken(reason)


def _names(state: State, jobs: object) -> str:
    assert isinstance(jobs, list | dict)
    return " and ".join(map(state.label, jobs))


def _check_event(state: State, written: Written) -> None:
    entry, before = written
    name, job = entry.event.name, state.label(entry.body.id)
    if before is None:
        return
    _check(name not in _FIRST, f"I5: {job} was there, then {name}")
    if name == "attempt_completed":
        _check_late(entry, before, job)
        return
    if name == "compacted":
        _check_compacted(entry.record, before.record, job)
        return
    ended = not isinstance(before.body, Record) or before.body.step.is_final
    _check(not ended, f"I2: {job} ended with {before.event.name}, then {name}")
    if name == "expired":
        _check_deadline(state, entry.record, before.record, job)
    if name == "failed":
        _check_attempts(state, entry.record, job)
    starts = entry.record.internal.unanswered
    _check(
        starts < settings().render.max_unanswered, f"I10: {job} started {starts} times for nothing"
    )
    deaths = state.deaths.get(entry.body.id, 0)
    is_bounded = deaths <= settings().render.max_unanswered
    _check(is_bounded, f"I10: {deaths} workers died before {job} was submitted")
    if name == "submitted":
        _check_request(state, entry.record)
    if name == "retry_scheduled":
        _check_resubmissions(state, job, entry.record)
    if name == "succeeded":
        _check(not before.record.internal.expire, f"I9: {job} was to expire, and succeeded")
        reused = entry.record.internal.reused
        maker = reused.job if reused else entry.body.id
        _check(not before.record.internal.cancel, f"I2: {job} was stopped, and succeeded")
        _check(maker in state.stored, f"I7: {job} succeeded, and there are no bytes")
    if name == "failed" and entry.record.error and entry.record.error.code == "provider_protocol":
        is_kept = bool(entry.record.assets) and entry.body.id in state.stored
        _check(is_kept, f"I7: {job} brought what cannot be used, and it was thrown away")
    _check_order(state, entry.record, name)


def _check_resubmissions(state: State, job: str, record: Record) -> None:
    """What is submitted again as the request says uses up the attempts of a job."""
    again = [each for each in state.ordered.get(record.id, ()) if each.startswith("run ")]
    most = settings().render.max_attempts - 1
    _check(len(again) <= most, f"I3: {job} was submitted again {len(again)} times, {most} at most")


def _check_attempts(state: State, record: Record, job: str) -> None:
    """Only what a provider answered uses up the attempts of a job."""
    is_of_provider = record.error and record.error.code == "provider_unavailable"
    if not is_of_provider or record.internal.takeover:
        return
    ordered = len(state.ordered.get(record.id, ()))  #: attempts whose end nobody knew
    failures, most = state.provider.refused[record.id] + ordered, settings().render.max_attempts
    _check(failures >= most, f"I10: {job} failed after {failures} answers of {most}")


def _check_late(entry: LogEntry, before: LogEntry, job: str) -> None:
    """What is learned after an end leaves the end as it was."""
    new, old = entry.record, before.record
    _check(old.step.is_final, f"I9: {job} completes an attempt, and is not over")
    is_same = (new.step, new.status, new.slot, new.finished_at, new.assets) == (
        (old.step, old.status, old.slot, old.finished_at, old.assets)
    )
    _check(is_same, f"I9: {job} ended once more")
    is_there = new.ended(entry.sequence) == old.ended(before.sequence)
    _check(is_there, f"I9: {job} ended at another place of the log")


def _check_deadline(state: State, record: Record, before: Record, job: str) -> None:
    """Who may be at the provider is asked first, and has time to obey."""
    _check(_is_due(before), f"I2: {job} expired without a deadline")
    if before.step not in AT_PROVIDER:
        return
    _check(before.internal.expire, f"I9: {job} expired at the provider, and nobody was asked")
    request = before.internal.attempts[-1].request_id
    if record.runs_on:
        waited = clock() - state.asked[record.id]
        _check(waited >= _TIMEOUT, f"I9: {job} expired {waited:g} s after its worker was asked")
    elif request and not state.scenario.outages:
        stops = state.provider.requests[request].stops
        _check(stops > 0, f"I9: {job} expired, and its request was never stopped")


def _check_compacted(new: Record, old: Record, job: str) -> None:
    """A record that makes room still says how the job ended, and what it cost and gave."""
    _check(old.step.is_final, f"I2: {job} was compacted, and is not over")
    for name in ("status", "slot", "charged", "cost", "assets", "finished_at"):
        is_same = getattr(new, name) == getattr(old, name)
        _check(is_same, f"I7: {job} was compacted, and has another {name}")


def _check_request(state: State, record: Record) -> None:
    """A job follows the request that it made, or that of the job it took over."""
    internal, job = record.internal, state.label(record.id)
    hosted = state.provider.requests[internal.attempts[-1].request_id or ""]
    is_own = (hosted.job, hosted.run) == (record.id, internal.run)
    _check(is_own or bool(internal.takeover), f"I3: {job} takes {hosted.id} for its own")


def _check_order(state: State, record: Record, name: str) -> None:
    job, steps = state.label(record.id), state.steps(record.internal.after)
    if name == "started":
        _check(
            set(steps) <= {Step.SUCCEEDED}, f"I8: {job} started, and those before it are {steps}"
        )
    if record.error and record.error.code == DependencyFailed.code:
        _check(any(step in ENDED for step in steps), f"I8: {job} failed for others: {steps}")


def _is_due(record: Record) -> bool:
    if record.finish_by and record.finish_by <= now():
        return True
    age = now() - record.internal.changed_at
    return (
        record.step is Step.SUBMIT_UNKNOWN and age >= settings().status.submit_unknown_expires_after
    )


def _check_payment(state: State, hosted: Hosted) -> None:
    job, record = state.label(hosted.job), state.record(hosted.job)
    was_announced = (hosted.job, hosted.run) in state.announced
    _check(was_announced, f"I3: {job} paid in run {hosted.run}, and never said that it would")
    mine = [each for each in _paid(state, hosted.job) if each.run == hosted.run]
    _check(len(mine) <= 1, f"I3: {job} paid {len(mine)} times in run {hosted.run}")
    most, all_ = 1 + len(state.ordered.get(hosted.job, ())), len(_paid(state, hosted.job))
    _check(all_ <= most, f"I3: {job} paid {all_} times, {most} of them asked for")
    taken_over = record and record.internal.takeover
    _check(not taken_over, f"I3: {job} was to take over, and paid")
    reused = record and record.internal.reused
    _check(not reused, f"I3: {job} was to be given a stored result, and paid")


def _paid(state: State, job: str) -> list[Hosted]:
    return [each for each in state.provider.requests.values() if each.job == job and each.is_paid]


def _check_response(state: State, response: ClientResponse) -> None:
    known = state.responses.get(response.key)
    if response.status in _GOOD:
        job = state.label(response.job)
        _check(
            state.record(response.job) is not None, f"I1: {response.status} for {job}, of no record"
        )
        known = state.responses.setdefault(response.key, response)
        was = state.label(known.job)
        _check(known.job == response.job, f"I5: key {response.key} was {was}, and is {job}")
        _check(known.body == response.body, f"I5: key {response.key} stands for two bodies")
    elif known and response.again and known.body == response.body:
        passing = response.status == _PASSING
        _check(passing, f"I5: key {response.key} was accepted, and is refused ({response.status})")


def _check_places(state: State) -> None:
    known = set()
    for record in state.records():
        hosted = _open_request(state, record)
        if hosted and not _was_located_late(state, record.id):
            has_place = record.id in state.accounts.holders
            _check(has_place, f"I4: {state.label(record.id)} has an open request and no place")
            known.add(hosted.id)
    cap = state.scenario.places
    _check(len(known) <= cap, f"I4: {len(known)} open requests, the account allows {cap}")


def _open_request(state: State, record: Record) -> Hosted | None:
    is_over = not record.runs_on or _had_its_time(state, record)
    if record.step is not Step.SUBMITTED and is_over:
        return None
    if record.internal.attempts[-1].request_id is None:
        return None
    hosted = state.provider.requests[record.internal.attempts[-1].request_id or ""]
    return hosted if hosted.state == "open" else None


def _had_its_time(state: State, record: Record) -> bool:
    return clock() - state.ended[record.id] >= record.internal.timeout_seconds


def _was_located_late(state: State, job: str) -> bool:
    """Nobody can hold a place for what nobody knew; such a request is outside the cap."""
    for entry in reversed(state.events.appended[job]):
        if entry.event.name in ("submit_unknown", "attempt_completed", "started"):
            return entry.event.name != "started"
    return False


def _check_tickets(state: State) -> None:
    """Who gets the ticket of a job that is accepted, and not in the log yet, is not done with it."""
    work = state.work
    for job in state.events.missing():
        is_there = job in work.queue or any(each.job == job for each in work.messages)
        _check(
            is_there or job not in work.enqueued, f"I1: the ticket of {state.label(job)} is lost"
        )


def _check_slots(state: State) -> None:
    busy: dict[str, str] = {}
    for record in state.records():
        if record.slot and not record.step.is_final:
            other = busy.setdefault(record.slot, record.id)
            both = f"{state.label(other)} and {state.label(record.id)}"
            _check(other == record.id, f"I5: slot {record.slot} has {both}")


def _check_end(state: State, record: Record, undecided: bool) -> None:
    job, step = state.label(record.id), record.step
    may_wait = undecided and (_is_undecided(record) or _waits_for_a_person(state, record.id))
    _check(step.is_final or may_wait, f"I1: {job} hangs in {step}")
    paid = _paid(state, record.id)
    _check(not paid or record.charged != "no", f"I7: {job} ended {step}, charged no, and was paid")
    known = record.cost.actual or 0
    _check(known <= len(paid) * record.cost.estimated, f"I7: {job} says that it cost {known}")
    attempts = record.internal.attempts
    kept = any(each.request_id for each in attempts) or record.internal.outputs or record.assets
    _check(bool(kept) or record.charged != "yes", f"I7: {job} paid for what it does not know")
    for hosted in state.provider.requests.values():
        if hosted.job == record.id and hosted.run == record.internal.run:
            _check_kept(state, record, hosted)


def _check_kept(state: State, record: Record, hosted: Hosted) -> None:
    """What the provider told somebody who lives is known, and what came of it, too."""
    if record.assets:  # it is stored; a record that makes room says no more than that
        return
    job, attempt = state.label(record.id), record.internal.attempts[-1]
    scenario = state.scenario
    urls = [each.url or each.inline or "" for each in record.internal.outputs]
    names = (hosted.id, hosted.digest)
    is_known = attempt.request_id == hosted.id or any(url.endswith(names) for url in urls)
    if hosted.is_acknowledged and not (scenario.crashes or scenario.bugs):
        _check(is_known, f"I9: {job} was told of {hosted.id}, and does not know it")
    if attempt.request_id != hosted.id or hosted.state != "done" or _is_given_up(record):
        return
    _check(attempt.charged == "yes", f"I9: {job} paid for {hosted.id}, and says {attempt.charged}")
    _check(bool(urls), f"I9: {job} lost what {hosted.id} made")


def _is_given_up(record: Record) -> bool:
    """Whether nobody asks for the last request any more: it had its time, or broke its workers."""
    attempt = record.internal.attempts[-1]
    if attempt.outcome in _GIVEN_UP or not (attempt.ended_at and attempt.submitting_at):
        return attempt.outcome in _GIVEN_UP
    seconds = (attempt.ended_at - attempt.submitting_at).total_seconds()
    return seconds >= record.internal.timeout_seconds


def _waits_for_a_person(state: State, job: str) -> bool:
    """Whether a job waits for one that a person has to decide, or for one that waits so."""
    record = state.record(job)
    if record is None or record.step is not Step.ACCEPTED:
        return False
    others = [state.record(other) for other in record.internal.after]
    return any(
        other and (_is_undecided(other) or _waits_for_a_person(state, other.id)) for other in others
    )


def _check_inline_response(state: State, response: InlineResponse) -> None:
    """What was on disk is told, and its bytes are with storage, whoever died meanwhile."""
    job, record = state.label(response.job), state.record(response.job)
    assert record
    attempts = [each for each in record.internal.attempts if each.run == response.run]
    is_told = all(each.outcome == Step.RENDERED for each in attempts)
    _check(is_told, f"I7: {job} was answered in run {response.run}, and does not know it")
    names = {output.inline for output in response.outputs}
    _check(names <= state.output_uploader.brought, f"I7: what {job} was answered with is lost")


def _is_undecided(record: Record) -> bool:
    return record.step is Step.SUBMIT_UNKNOWN and not record.internal.cancel
