"""Outcome of a successful response: its outputs, those withheld, or why it has no output."""

import hashlib
from collections.abc import Mapping, Sequence
from decimal import Decimal

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
from services.render.providers.output_entries import OutputEntry
from services.render.providers.request_states import RequestStopped, RequestSucceeded

_CHANGE_PROMPT = NextAction(kind="change_request", label="Change the prompt")


def outcome_of(
    entries: Sequence[OutputEntry],
    *,
    job: str,
    note: ProviderNote,
    charged: Charged = "yes",
    units: Mapping[str, Decimal] | None = None,
    excerpt: str | None = None,
    report: ErrorReport | None = None,
    charged_for_error: Charged = "unknown",
) -> RequestSucceeded | RequestStopped:
    """
    The outputs, those that came inside the response with their bytes. A missing output is withheld; the
    others are kept.

    Args:
        units: That the provider bills.
        report: The error in the response; it counts only without outputs.
    """
    full = [entry for entry in entries if not entry.is_empty]
    if not full and report and report.is_error:
        error = failure_within(report, note)
        return RequestStopped(error=error, charged=charged_for_error, excerpt=excerpt)
    if not full:
        return RequestStopped(
            error=_why_none(entries, note, report), charged=charged, excerpt=excerpt
        )
    contents = {
        _name(job, entry.content): entry.content for entry in full if entry.content is not None
    }
    return RequestSucceeded(
        outputs=[_output(job, entry, position) for position, entry in enumerate(full)],
        withheld=[Withheld(index=s.index, reason=_why_empty(s)) for s in entries if s.is_empty],
        contents=contents,
        charged=charged,
        units=units or {},
        excerpt=excerpt,
    )


def _output(job: str, entry: OutputEntry, position: int) -> Output:
    """An output, with its index where an earlier one is not there."""
    index = None if entry.index == position else entry.index
    if entry.content is None:
        return Output(url=entry.url, index=index, flagged=entry.flagged)
    return Output(inline=_name(job, entry.content), index=index, flagged=entry.flagged)


def _name(job: str, content: bytes) -> str:
    """Digest name of an inline output in storage."""
    return f"{job}/{hashlib.sha256(content).hexdigest()}"


def _why_empty(entry: OutputEntry) -> str:
    if entry.flagged:
        return ContentPolicy.code
    if entry.is_refused:
        return OutputRefused.code
    return ProviderProtocol.code if entry.is_odd else NoOutput.code


def _why_none(
    entries: Sequence[OutputEntry], note: ProviderNote, report: ErrorReport | None
) -> JobError:
    words = f": {report.text}" if report else ""
    if any(entry.flagged for entry in entries):
        return ContentPolicy(provider=note, next_actions=[_CHANGE_PROMPT])
    if any(entry.is_odd for entry in entries):
        return ProviderProtocol(f"the response has no files{words}", provider=note)
    return NoOutput(f"{NoOutput.title().rstrip('.')}{words}" if words else None, provider=note)
