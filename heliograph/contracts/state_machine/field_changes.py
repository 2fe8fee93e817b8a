"""Changes of a record's fields that several events make. Pure."""

from typing import Any

from heliograph.contracts.outputs import Withheld
from heliograph.contracts.records import Record

Changes = dict[str, Any]


def detail_changes(record: Record, detail: str | None) -> Changes:
    """A detail beside those that are known."""
    if detail is None:
        return {}
    return {"detail": "; ".join(filter(None, (record.detail, detail)))}


def withheld_changes(known: list[Withheld] | None) -> Changes:
    return {} if known is None else {"withheld": known}
