"""What a good answer comes to: the outputs that are there, those that are withheld, or why there are none."""

from collections.abc import Sequence

from heliograph.contracts.errors import (
    ContentPolicy,
    JobError,
    NoOutput,
    OutputRefused,
    ProviderProtocol,
)
from heliograph.contracts.problems import Charged, NextAction, ProviderNote
from heliograph.contracts.records import Output, Withheld
from services.render.providers import Done, Ended
from services.render.providers.answer_outputs import Slot
from services.render.providers.inlining import UploadDoor

_CHANGE_PROMPT = NextAction(kind="change_request", label="Change the prompt")


async def outcome_of(
    slots: Sequence[Slot],
    *,
    door: UploadDoor,
    project: str,
    job: str,
    note: ProviderNote,
    charged: Charged = "yes",
    answer: str | None = None,
) -> Done | Ended:
    """
    The outputs, those that came inside the answer brought to storage's door. One that is not there, or
    that storage does not keep, is withheld; the others count.
    """
    outputs: list[Output] = []
    withheld = [Withheld(index=s.index, reason=_why_empty(s)) for s in slots if s.is_empty]
    refusal: OutputRefused | None = None
    for slot in slots:
        if slot.is_empty:
            continue
        try:
            output = await _output(slot, door, project, job)
        except OutputRefused as error:
            refusal = error
            withheld.append(Withheld(index=slot.index, reason=error.code))
        else:
            outputs.append(_placed(output, slot, len(outputs)))
    if not outputs:
        return Ended(error=refusal or _why_none(slots, note), charged=charged, answer=answer)
    withheld.sort(key=lambda each: each.index)
    return Done(outputs=outputs, withheld=withheld, charged=charged, answer=answer)


async def _output(slot: Slot, door: UploadDoor, project: str, job: str) -> Output:
    if slot.content is None:
        return Output(url=slot.url)
    return await door.bring(project, job, slot.content)


def _placed(output: Output, slot: Slot, place: int) -> Output:
    index = None if slot.index == place else slot.index
    return output.model_copy(update={"index": index, "flagged": slot.flagged})


def _why_empty(slot: Slot) -> str:
    if slot.flagged:
        return ContentPolicy.code
    return ProviderProtocol.code if slot.is_odd else NoOutput.code


def _why_none(slots: Sequence[Slot], note: ProviderNote) -> JobError:
    if any(slot.flagged for slot in slots):
        return ContentPolicy(provider=note, next_actions=[_CHANGE_PROMPT])
    if any(slot.is_odd for slot in slots):
        return ProviderProtocol("there are no files in the answer", provider=note)
    return NoOutput(provider=note)
