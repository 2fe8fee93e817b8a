"""Columns of a job's rows in each table, and the row read back."""

from collections.abc import Iterator
from typing import Any

from heliograph.contracts.id_generation import job_of_asset
from heliograph.contracts.job_steps import Step
from heliograph.contracts.log_budget import bytes_to_come
from heliograph.contracts.records import Record
from heliograph.contracts.spending import spending_of
from services.status.read_model.amounts import stored_amount
from services.status.read_model.column_types import folded
from services.status.read_model.labels import flatten
from services.status.read_model.rows import Row
from services.status.read_model.timestamps import stamp


def job_columns(row: Row) -> dict[str, Any]:
    """A row of `jobs`."""
    record = row.record
    own, spending = list(own_objects(record)), spending_of(record)
    return {
        "id": record.id,
        "project": record.project,
        "sequence": row.sequence,
        "ended": record.ended(row.sequence),
        "kind": record.kind,
        "model": record.model,
        "slot": record.slot,
        "user": record.user,
        "access_key": record.internal.access_key,
        "batch": record.batch,
        "retry_of": record.retry_of,
        "result": record.internal.result_digest if _is_made(record) else None,
        "status": record.status,
        "step": str(record.step),
        "version": record.is_version,
        "prompt": folded("\n".join(filter(None, (record.prompt, record.edit_prompt)))),
        "created_at": stamp(record.created_at),
        "changed_at": stamp(record.internal.changed_at),
        "finished_at": stamp(record.finished_at) if record.finished_at else None,
        "finish_by": stamp(record.finish_by) if record.finish_by else None,
        "currency": record.cost.currency,
        **{name: stored_amount(amount) for name, amount in spending._asdict().items()},
        "objects": len(own),
        "bytes": sum(own),
        "log_bytes": row.log_bytes,
        "last_bytes": row.last_bytes,
        "reserve": bytes_to_come(record, row.last_bytes),
        "compacted": record.compacted_at is not None or record.runs_on,
        "newest": newest_superfluous(row),
        "trimmed": False,
        "pruned": record.internal.remains is not None,
        "emptied": False,
        "record": row.text or record.model_dump_json(),
    }


def newest_superfluous(row: Row) -> int:
    """Upper bound of the sequences of a job's events before its last one."""
    record = row.record
    is_last = record.compacted_at is not None and record.compacted_at == record.internal.changed_at
    replaced = record.internal.replaces if is_last else None
    return replaced or row.sequence - 1


def _is_made(record: Record) -> bool:
    """Whether a job has a result, and it was its own."""
    is_own = record.internal.reused is None and record.pruned_at is None
    return record.step is Step.SUCCEEDED and is_own


def own_objects(record: Record) -> Iterator[int]:
    """The sizes of what the job put into the store; a result that is used again is another's."""
    flagged = [each.asset for each in record.withheld if each.asset]
    for asset in [*record.stored, *flagged]:
        if job_of_asset(asset.id)[0] == record.id:
            yield asset.bytes
            yield from (variant.bytes for variant in asset.variants.values())


def use_columns(record: Record) -> list[dict[str, Any]]:
    """The rows of `uses` for a job."""
    takeover, reused = record.internal.takeover, record.internal.reused
    named = [job_of_asset(each.asset)[0] for each in record.references if each.asset]
    named += [*record.internal.after, *([record.retry_of] if record.retry_of else [])]
    if takeover:
        inline = (each.inline for each in takeover.outputs if each.inline)
        named += [takeover.job, *(name.partition("/")[0] for name in inline)]
    used = dict.fromkeys(named, False) | ({reused.job: True} if reused else {})
    return [{"job": record.id, "used": name, "kept": kept} for name, kept in used.items()]


def upload_columns(record: Record) -> list[dict[str, Any]]:
    """The rows of `named_uploads` for a job."""
    takeover = record.internal.takeover
    outputs = [*record.internal.outputs, *(takeover.outputs if takeover else [])]
    uploads = [each.upload for each in record.references] + [each.upload for each in outputs]
    named = dict.fromkeys(filter(None, uploads))
    known = {"job": record.id, "project": record.project}
    return [{**known, "sha256": name.removeprefix("sha256:")} for name in named]


def request_columns(record: Record) -> list[dict[str, Any]]:
    """The rows of `requests` for a job."""
    known = {"job": record.id, "provider": record.provider}
    named = {each.request_id for each in record.internal.attempts if each.request_id}
    return [{**known, "request": name} for name in sorted(named)]


def label_columns(record: Record) -> list[dict[str, Any]]:
    """The rows of `labels` for a job."""
    known = {"job": record.id, "project": record.project, "created_at": stamp(record.created_at)}
    return [{**known, "name": name, "value": value} for name, value in flatten(record).items()]


def read_row(row: Any) -> Row:
    """A row of a query that selects `sequence` and `record`."""
    return Row(int(row.sequence), Record.model_validate_json(row.record))
