"""Tables of the command line: one line per item, an empty cell for an unknown value."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from heliograph.contracts.jobs import Cost, Job
from heliograph.contracts.key_records import NOTICES, ListedKey
from heliograph.contracts.problems import NextAction

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
_NO_TERMINAL = 2_000  #: columns outside a terminal
_WHOLE = frozenset({"id", "job"})  #: columns that are never cut, so that they can be copied

JOB_COLUMNS = ("id", "kind", "slot", "state", "age", "cost")

Cells = Mapping[str, Any]


def show_table(console: Console, columns: Sequence[str], rows: Iterable[Cells]) -> None:
    """Draw it; where there is no terminal, nothing is cut or folded."""
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=column in _WHOLE, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell(row.get(column))) for column in columns))
    wide = console if console.is_terminal else Console(file=console.file, width=_NO_TERMINAL)
    wide.print(table)


def cell(value: Any) -> str:
    """Text of a cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(cell(each) for each in value)
    return str(value)


def job_cells(job: Job, now: datetime | None = None) -> Cells:
    """A job in one line."""
    return {
        "id": job.id,
        "kind": job.kind,
        "slot": job.slot,
        "state": job.status,
        "age": age(job.created_at, now or datetime.now(UTC)),
        "cost": cost(job.cost),
        "why": job.error.code if job.error else None,
    }


def key_cells(key: ListedKey, now: datetime | None = None) -> dict[str, Any]:
    """An API key in one line."""
    return {
        **key.model_dump(mode="json"),
        "scopes": " ".join(key.scopes),
        "projects": " ".join(key.projects or ["*"]),
        "state": _key_state(key, now or datetime.now(UTC)),
    }


def _key_state(key: ListedKey, now: datetime) -> str:
    if key.revoked_at:
        return "revoked"
    if key.expires_at is None or key.expires_at - now > NOTICES[0]:
        return "works"
    return "expired" if key.expires_at <= now else f"expires in {age(now, key.expires_at)}"


def action_lines(actions: Sequence[NextAction], job: str | None = None) -> list[str]:
    """Next actions, one line each, with the command where there is one."""
    return [f"next: {each.label}{_command(each, job)}" for each in actions]


def _command(action: NextAction, job: str | None) -> str:
    step = (action.patch or {}).get("from")
    if action.kind == "retry" and step:
        return f" (heliograph retry {job} --from {step})" if job else f" (--from {step})"
    return f" (heliograph cancel {job})" if action.kind == "cancel" and job else ""


def age(since: datetime, now: datetime) -> str:
    """Age of a time in its largest unit."""
    seconds = max(0, int((now - since).total_seconds()))
    size, unit = next(each for each in _UNITS if seconds >= each[0] or each[0] == 1)
    return f"{seconds // size} {unit}"


def cost(amount: Cost) -> str:
    """Actual cost, or the estimate with `~`."""
    if amount.actual is not None:
        return f"{money(amount.actual)} {amount.currency}"
    return f"~{money(amount.estimated)} {amount.currency}"


def money(amount: Decimal) -> str:
    """Without zeros at its end."""
    plain = f"{amount:f}"
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def model_cells(model: Mapping[str, Any]) -> Cells:
    """A model in one line, as the gateway shows it."""
    return {**model, "price": price(model.get("price") or {})}


def price(fields: Mapping[str, Any]) -> str | None:
    """A model's price as text; None if unknown."""
    if fields.get("parameter"):
        return f"by {fields['parameter']}"
    if fields.get("amount") is None or fields.get("known") is False:
        return None
    amount = money(Decimal(str(fields["amount"])))
    unit = f" / {fields['unit']}" if fields.get("unit") else ""
    return f"{amount} {fields.get('currency', 'USD')}{unit}"
