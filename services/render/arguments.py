"""What a provider gets for a job: its prompt by the kind's template, its arguments by the model."""

from typing import Any

from heliograph.contracts.records import Record
from heliograph.contracts.registry import Kind


def final_prompt(record: Record, kind: Kind | None) -> str:
    """Prompt and edit prompt as one text."""
    kind_or_plain = kind or _PLAIN
    if record.edit_prompt is None:
        return kind_or_plain.prompt_template.format(prompt=record.prompt)
    return kind_or_plain.edit_template.format(prompt=record.prompt, edit_prompt=record.edit_prompt)


def final_arguments(record: Record, prompt: str) -> dict[str, Any]:
    """Parameters under the provider's names, with the request's raw arguments laid over them."""
    return {"prompt": prompt, **record.parameters, **record.arguments}


_PLAIN = Kind(lane="", media="image", model="", expected_seconds=1, timeout_seconds=1)
