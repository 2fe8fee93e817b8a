"""Outcome of a job whose outputs are stored, or could not be: its final event, and the cheapest way on. Pure."""

from heliograph.contracts.assets import Asset
from heliograph.contracts.errors import ContentPolicy, JobError, OutputExpired
from heliograph.contracts.job_events import Failed, Succeeded
from heliograph.contracts.outputs import Output, Withheld
from heliograph.contracts.problems import NextAction, Problem
from heliograph.contracts.records import Record
from heliograph.contracts.text_limits import cut

_FETCH_AGAIN = NextAction(
    kind="retry",
    label="Fetch it again for nothing, from `download`",
    patch={"from": "download"},
)
_ASK_AGAIN = NextAction(
    kind="retry",
    label="Ask the provider for it again for nothing, from `poll`",
    patch={"from": "poll"},
)
_SUBMIT_AGAIN = NextAction(
    kind="retry", label="Submit it again, which is paid for again", patch={"from": "submit"}
)

_CHANGE_PROMPT = NextAction(kind="change_request", label="Change the prompt")


def indexed(outputs: list[Output]) -> list[tuple[int, Output]]:
    """Outputs with the provider's index of each; without one, the position in the list."""
    return [
        (position if output.index is None else output.index, output)
        for position, output in enumerate(outputs)
    ]


def readdressed(outputs: list[Output], fresh: list[Output]) -> list[Output]:
    """
    The outputs with fresh addresses, matched by index. A provider lists everything that it made, of which a
    job may have kept only a part; an output that it does not list keeps its address.
    """
    urls = {index: each.url for index, each in indexed(fresh) if each.url}
    return [
        output.model_copy(update={"url": urls.get(index, output.url)}) if output.url else output
        for index, output in indexed(outputs)
    ]


def outcome(
    record: Record, assets: list[Asset], refused: dict[int, JobError]
) -> Succeeded | Failed:
    """
    Final event of the job. Flagged outputs are stored and withheld; if all are flagged, the job failed by
    the provider's content policy, and was paid for. Refused outputs are reported.
    """
    flagged = {index for index, output in indexed(record.internal.outputs) if output.flagged}
    shown = [asset for asset in assets if asset.index not in flagged]
    withheld = record.withheld + [
        Withheld(index=asset.index, reason=ContentPolicy.code, asset=asset)
        for asset in assets
        if asset.index in flagged
    ]
    withheld += [Withheld(index=index, reason=error.code) for index, error in refused.items()]
    withheld.sort(key=lambda each: each.index)
    if shown or not flagged:
        return Succeeded(assets=shown, withheld=withheld, detail=_about_refused(record, refused))
    error = ContentPolicy("the provider flagged every output", next_actions=[_CHANGE_PROMPT])
    return Failed(
        problem=failure(record, error),
        charged=record.charged,
        withheld=withheld,
        detail=_about_refused(record, refused),
    )


def _about_refused(record: Record, refused: dict[int, JobError]) -> str | None:
    """Detail text about outputs that are not stored."""
    if not refused:
        return None
    why = dict.fromkeys(f"{error.code}: {error}" for error in refused.values())
    whole = len(record.internal.outputs)
    return cut(f"{len(refused)} of {whole} outputs withheld: {'; '.join(why)}")


def failure(record: Record, error: JobError) -> Problem:
    """Problem of a job that could not be stored, with the cheapest retry."""
    actions = error.next_actions or _ways_on(record, error)
    update = {"charged": record.charged, "status": None, "next_actions": actions}
    return error.problem().model_copy(update=update)


def _ways_on(record: Record, error: JobError) -> list[NextAction]:
    if not isinstance(error, OutputExpired):
        return [_FETCH_AGAIN]
    free = [_ASK_AGAIN] if _has_request(record) else []
    return [*free, _SUBMIT_AGAIN]


def _has_request(record: Record) -> bool:
    """Whether the request can be polled once more."""
    return bool(record.internal.attempts and record.internal.attempts[-1].request_id)
