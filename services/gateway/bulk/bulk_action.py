"""A bulk action that is carried out, and its result."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from heliograph.contracts.actions import ActionRequest
from services.gateway.bulk.items import ItemResult
from services.gateway.bulk.plans import Plan

ItemAction = Callable[[int, str], Awaitable[ItemResult]]  #: of a job, by its index


@dataclass(frozen=True, kw_only=True)
class BulkAction:
    """A request for an action on many jobs."""

    request: ActionRequest
    plan: Plan
    key: str | None
    is_replayed: bool  #: it was requested before, under the same key
    access_key: str | None = None  #: id of the API key that it came with


@dataclass(frozen=True, kw_only=True)
class BulkActionResult:
    """Result of an action."""

    act: BulkAction
    items: list[ItemResult]
