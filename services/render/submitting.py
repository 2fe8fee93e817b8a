"""Submitting: the only place that pays. One POST, by the process whose `submitting` was written."""

import asyncio

from heliograph.contracts.arguments import final_arguments, final_prompt
from heliograph.contracts.errors import (
    AccountRefused,
    JobError,
    ProviderUnavailable,
    ReferenceFailed,
)
from heliograph.contracts.facts import Fact, Failed, Rendered, Submitted, Submitting
from heliograph.contracts.records import Record, Takeover
from heliograph.runtime.bus import Entry, now
from heliograph.runtime.crashing import crash_point
from services.render.deciding import after_poll, again_or_failed, failure, rendered
from services.render.judging import judge
from services.render.providers import Accepted, Done, Ended, ReplyLost, Submission
from services.render.settings import RenderSettings
from services.render.shortening import short_answer
from services.render.workbench import Workbench

_Answer = Accepted | Done | Ended | JobError


async def submit(bench: Workbench, entry: Entry) -> Entry | None:
    """
    From `started`: write the intent, send the request, write what came of it.

    The submit limit runs from before the intent is written, by this process's own clock: a POST that
    could not begin by then is not sent, so whoever looks the request up after the limit knows.

    Returns the job as it was left; None when it has to be read again.
    """
    record = entry.record
    if record.internal.takeover:
        return await _take_over(bench, entry, record.internal.takeover)
    bench.watch.check()
    try:
        references = await bench.references.resolve(record)
    except ReferenceFailed as error:
        return await bench.append(entry, Failed(problem=failure(record, error, "no")))
    except (ProviderUnavailable, AccountRefused) as error:
        await judge(bench, record, error)
        return await bench.append(entry, again_or_failed(record, error, now(), bench.settings))
    bench.watch.check()
    model = bench.registry.models.get(record.model)
    prompt = final_prompt(record, bench.registry.kinds.get(record.kind))
    ends = asyncio.get_running_loop().time() + bench.submit_limit(record)
    intent = Submitting(
        run=record.internal.run,
        endpoint=model.endpoint if model else "",
        prompt=prompt,
        arguments=final_arguments(record, prompt),
        references=references,
    )
    submitting = await bench.append(entry, intent)
    crash_point("submit.intended")
    if asyncio.get_running_loop().time() >= ends:
        late = ProviderUnavailable("the request could not be sent in time")
        fact = again_or_failed(submitting.record, late, now(), bench.settings)
        return await bench.write(submitting, fact)
    answer = await _post(bench, submitting.record, ends)
    crash_point("submit.posted")
    latest = await _write(bench, submitting, answer)
    await judge(bench, record, _error_in(answer))  # what was paid for is written before
    return latest


async def _post(bench: Workbench, record: Record, ends: float) -> _Answer | None:
    """What the one POST taught us; None when the answer is lost."""
    try:
        async with asyncio.timeout_at(ends):
            return await bench.provider(record).submit(submission_of(record))
    except (ReplyLost, TimeoutError):
        return None
    except JobError as error:
        return error


async def _write(bench: Workbench, submitting: Entry, answer: _Answer | None) -> Entry | None:
    if answer is None:
        return None
    latest = await bench.write(submitting, _fact(submitting.record, answer, bench.settings))
    crash_point("submit.written")
    return latest


def _fact(record: Record, answer: _Answer, settings: RenderSettings) -> Fact:
    match answer:
        case Accepted():
            return Submitted(
                run=record.internal.run,
                request_id=answer.request_id,
                answer=short_answer(answer.answer),
            )
        case Done():
            return rendered(record, answer)
        case Ended():
            return after_poll(record, answer, now(), settings)
        case JobError():
            return again_or_failed(record, answer, now(), settings)


def _error_in(answer: _Answer | None) -> JobError | None:
    """What speaks against the account. Whoever accepts a request, or renders it, works."""
    if answer is None:
        return ProviderUnavailable("it did not answer")
    return answer if isinstance(answer, JobError) else None


async def _take_over(bench: Workbench, entry: Entry, old: Takeover) -> Entry:
    """A retry that costs nothing: the outputs, or the request, of an earlier job."""
    run = entry.record.internal.run
    if old.outputs:
        return await bench.append(entry, Rendered(run=run, outputs=old.outputs, charged="no"))
    assert old.request_id
    return await bench.append(entry, Submitted(run=run, request_id=old.request_id))


def submission_of(record: Record) -> Submission:
    """What the record says was, or is about to be, sent."""
    attempt = record.internal.attempts[-1]
    return Submission(
        project=record.project,
        job=record.id,
        run=attempt.run,
        attempt=attempt.number,
        model=record.model,
        endpoint=attempt.endpoint,
        arguments=attempt.arguments,
        references=attempt.references,
        price=attempt.price,
        at=attempt.submitting_at,
    )
