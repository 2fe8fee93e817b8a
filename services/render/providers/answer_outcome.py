"""Outcome of a successful response: its outputs, those withheld, or why there are none."""

import hashlib
from collections.abc import Sequence

from heliograph.contracts.errors import (
    ContentPolicy,
    JobError,
    NoOutput,
    OutputRefused,
    ProviderProtocol,
)
from heliograph.contracts.outputs import Output, Withheld
from heliograph.contracts.problems import Charged, NextAction, ProviderNote
from services.render.providers.error_report import ErrorReport, failure_within
from services.render.providers.output_entries import Slot
from services.render.providers.request_states import RequestStopped, RequestSucceeded

_CHANGE_PROMPT = NextAction(kind="change_request", label="Change the prompt")


def outcome_of(
    slots: Sequence[Slot],
    *,
    job: str,
    note: ProviderNote,
    charged: Charged = "yes",
    answer: str | None = None,
    report: ErrorReport | None = None,
    charged_for_error: Charged = "unknown",
) -> RequestSucceeded | RequestStopped:
    """
    The outputs, those that came inside the answer with their bytes. One that is not there is withheld;
    the others count.

    Args:
        report: What the answer says went wrong; it counts where there are no outputs.
    """
    full = [slot for slot in slots if not slot.is_empty]
    if not full and report and report.is_error:
        error = failure_within(report, note)
        return RequestStopped(error=error, charged=charged_for_error, answer=answer)
    if not full:
        return RequestStopped(error=_why_none(slots, note, report), charged=charged, answer=answer)
    contents = {_name(job, slot.content): slot.content for slot in full if slot.content is not None}
    return RequestSucceeded(
        outputs=[_placed(_output(job, slot), slot, place) for place, slot in enumerate(full)],
        withheld=[Withheld(index=s.index, reason=_why_empty(s)) for s in slots if s.is_empty],
        contents=contents,
        charged=charged,
        answer=answer,
    )


def _output(job: str, slot: Slot) -> Output:
    if slot.content is None:
        return Output(url=slot.url)
    return Output(inline=_name(job, slot.content))


def _name(job: str, content: bytes) -> str:
    """Digest name of an inline output in storage."""
    return f"{job}/{hashlib.sha256(content).hexdigest()}"


def _placed(output: Output, slot: Slot, place: int) -> Output:
    index = None if slot.index == place else slot.index
    return output.model_copy(update={"index": index, "flagged": slot.flagged})


def _why_empty(slot: Slot) -> str:
    if slot.flagged:
        return ContentPolicy.code
    if slot.is_refused:
        return OutputRefused.code
    return ProviderProtocol.code if slot.is_odd else NoOutput.code


def _why_none(slots: Sequence[Slot], note: ProviderNote, report: ErrorReport | None) -> JobError:
    words = f": {report.text}" if report else ""
    if any(slot.flagged for slot in slots):
        return ContentPolicy(provider=note, next_actions=[_CHANGE_PROMPT])
    if any(slot.is_odd for slot in slots):
        return ProviderProtocol(f"the response has no files{words}", provider=note)
    return NoOutput(f"{NoOutput.title().rstrip('.')}{words}" if words else None, provider=note)
