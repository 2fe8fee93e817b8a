"""Provider arguments of a job: the prompt by its kind's templates, the arguments by its model."""

from collections.abc import Sequence
from typing import Any

from heliograph.contracts.canonical_json import digest
from heliograph.contracts.kinds import Kind
from heliograph.contracts.records import Record


def final_prompt(record: Record, kind: Kind | None) -> str:
    """Prompt, edit prompt and style as one text."""
    kind_or_plain = kind or _PLAIN
    if record.edit_prompt is None:
        prompt = kind_or_plain.prompt_template.format(prompt=record.prompt)
    else:
        prompt = kind_or_plain.edit_template.format(
            prompt=record.prompt, edit_prompt=record.edit_prompt
        )
    if record.internal.style is None:
        return prompt
    return kind_or_plain.style_template.format(prompt=prompt, style=record.internal.style)


def final_arguments(record: Record, prompt: str) -> dict[str, Any]:
    """Parameters under the provider's names, with the request's raw arguments laid over them."""
    return {"prompt": prompt, **record.parameters, **record.arguments}


def result_digest(
    record: Record, kind: Kind | None, endpoint: str, references: Sequence[str]
) -> str:
    """Digest of the provider's input: equal for jobs with equal results; `references` are digests."""
    sent = {
        "model": record.model,
        "endpoint": endpoint,
        "arguments": final_arguments(record, final_prompt(record, kind)),
        "references": list(references),
    }
    return digest(sent)


_PLAIN = Kind(lane="", media="image", model="", expected_seconds=1, timeout_seconds=1)
