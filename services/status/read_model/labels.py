"""Labels of a job: its tags and parameters, as texts to filter by."""

from typing import Any

from heliograph.contracts.records import Record

MAX_LABEL = 256  #: characters


def flatten(record: Record) -> dict[str, str]:
    """
    Tags and parameters as names and texts to filter by: `tag.show`, `param.seed`. Values of more
    than 256 characters are no labels.
    """
    named = {f"tag.{name}": value for name, value in record.tags.items()}
    named |= {f"param.{name}": as_text(value) for name, value in record.parameters.items()}
    return {name: value for name, value in named.items() if len(value) <= MAX_LABEL}


def as_text(value: Any) -> str:
    """A parameter as people write it in a query: `7`, `true`, `16:9`."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
