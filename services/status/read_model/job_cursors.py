"""Cursors of job lists: the position after which a list continues. Pure."""

from heliograph.contracts.base64url import decode, encode
from heliograph.contracts.errors import ValidationFailed
from heliograph.contracts.ids import JOB_PATTERN, matches
from heliograph.contracts.queries.jobs import JobOrder
from heliograph.contracts.records import Record
from services.status.read_model.timestamps import stamp

_LATEST = 2**63 - 1  #: the largest number a column holds

_ENDED = "ended"  #: begins cursors of the order by end


def cursor_after(record: Record, order: JobOrder = "newest") -> str:
    """Cursor of a list after a job: opaque, and stable while jobs are added."""
    if order == "ended":
        assert record.finished_at
        plain = f"{_ENDED}.{stamp(record.finished_at)}.{record.id}"
    else:
        plain = f"{stamp(record.created_at)}.{record.id}"
    return encode(plain.encode())


def read_cursor(cursor: str, order: JobOrder = "newest") -> tuple[int, str]:
    """Raises ValidationFailed for a text that is not one of our cursors."""
    try:
        *kind, at, job = decode(cursor).decode().split(".")
        is_of_order = kind == ([_ENDED] if order == "ended" else [])
        if is_of_order and matches(JOB_PATTERN, job) and 0 <= int(at) <= _LATEST:
            return int(at), job
    except ValueError:
        pass
    raise ValidationFailed.at("/query/cursor", "is not a cursor of this list")
