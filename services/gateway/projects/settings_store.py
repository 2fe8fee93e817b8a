"""Project settings: defaults, retention, quotas, and which have a budget; cached by each gateway."""

from typing import Any, NamedTuple

from heliograph.contracts.errors import (
    QueueFull,
    TooManyProjects,
)
from heliograph.contracts.projects import ChangeProject, Defaults, ProjectState, changed
from heliograph.contracts.quotas import ProjectQuotas
from heliograph.contracts.retention import ChangeRetention
from heliograph.runtime.budgets.marks import CachedBudgetMarks
from heliograph.runtime.bus.conflicts import retry_on_conflict
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.kv import KvEntry
from heliograph.runtime.bus.kv_cache import KvCache
from heliograph.runtime.catalog import CurrentCatalog
from services.gateway.projects.settings_validation import check_retention, validate_change

_NO_DEFAULTS = Defaults()
_NO_QUOTAS = ProjectQuotas()


class NewMarks(NamedTuple):
    """Changes of the marks of a project."""

    budget: bool  #: it has a budget, or has none any more
    open_jobs: bool  #: its budget limits open jobs


class ProjectSettings:
    """
    The bucket `projects`: key `<project>`, value `{defaults?, retention?, quotas?, budget?, open_jobs?}`.
    Every method raises Unavailable.

    A change takes effect at once in the process that makes it, and a moment later in the others.

    Args:
        confirmed_within: Seconds, see `BusSettings.budget_confirmed_within`.
    """

    def __init__(
        self, jetstream: JetStream, catalog: CurrentCatalog, *, confirmed_within: float = 5.0
    ) -> None:
        self._cache = KvCache(jetstream, "projects")
        self._catalog = catalog
        self.marks = CachedBudgetMarks(self._cache, confirmed_within=confirmed_within)

    async def watch(self) -> None:
        """Watch changes of other processes. Runs until canceled."""
        await self._cache.watch()

    async def defaults(self, project: str) -> Defaults:
        """Current defaults of a project."""
        return (await self._cache.entry(project)).parsed(_defaults)

    async def quotas(self, project: str) -> ProjectQuotas:
        """Current quotas of a project."""
        return (await self._cache.entry(project)).parsed(_quotas)

    @retry_on_conflict
    async def mark_budget(
        self, project: str, *, is_set: bool, counts_jobs: bool | None = None
    ) -> NewMarks:
        """
        Note that a project has a budget, or has none any more. Returns what is new.

        Args:
            counts_jobs: Whether it limits open jobs. None: as before, which without a budget is not.

        Raises:
            TooManyProjects: The project has no settings yet, and the limit of such projects is reached.
        """
        entry = await self._entry(project)
        before = {name: bool(entry.value.get(name)) for name in ("budget", "open_jobs")}
        counts = before["open_jobs"] if counts_jobs is None else counts_jobs
        after = {"budget": is_set, "open_jobs": is_set and counts}
        if before != after:
            await self._write(project, {**entry.value, **after}, entry.revision)
        return NewMarks(
            budget=before["budget"] != is_set,
            open_jobs=after["open_jobs"] and not before["open_jobs"],
        )

    async def read(self, project: str) -> ProjectState:
        """A project, by what is stored."""
        return _state(project, (await self._entry(project)).value)

    async def change(self, project: str, change: ChangeProject) -> ProjectState:
        """
        Change the defaults, retention rules and quotas of a project.

        Raises:
            ValidationFailed, UnknownKind, UnknownModel: A default could never be applied.
            TooManyProjects: The project has no settings yet, and the limit of such projects is reached.
        """
        validate_change(change, self._catalog.current)
        return await self._change(project, change)

    @retry_on_conflict
    async def _change(self, project: str, change: ChangeProject) -> ProjectState:
        entry = await self._entry(project)
        before = _state(project, entry.value)
        defaults = changed(before.defaults, change.defaults)
        retention = before.retention.after(change.retention)
        quotas = before.quotas.after(change.quotas)
        value = {
            **entry.value,
            "defaults": defaults.model_dump(mode="json", exclude_defaults=True),
            "retention": retention.model_dump(exclude_defaults=True),
            "quotas": quotas.model_dump(exclude_defaults=True),
        }
        await self._write(project, value, entry.revision)
        return _state(project, value)

    async def _write(self, project: str, value: dict[str, Any], seen: int) -> None:
        """Write the settings; empty ones are deleted. Raises Conflict and TooManyProjects."""
        bucket = self._cache.bucket
        if not any(value.values()):
            await bucket.forget(project, seen)
            self._cache.forget(project)
            return
        try:
            revision = await bucket.write(project, value, seen)
        except QueueFull as error:
            if seen:
                raise
            raise TooManyProjects from error
        self._cache.note(project, KvEntry(value, revision))

    def check_retention(self, change: ChangeRetention, at: str) -> None:
        """Raises UnknownKind for a rule about a kind that does not exist."""
        check_retention(change, self._catalog.current, at)

    async def _entry(self, project: str) -> KvEntry:
        return await self._cache.bucket.read(project)


def _defaults(value: dict[str, Any]) -> Defaults:
    return Defaults.model_validate(value["defaults"]) if "defaults" in value else _NO_DEFAULTS


def _quotas(value: dict[str, Any]) -> ProjectQuotas:
    return ProjectQuotas.model_validate(value["quotas"]) if value.get("quotas") else _NO_QUOTAS


def _state(project: str, value: dict[str, Any]) -> ProjectState:
    return ProjectState.model_validate({"defaults": {}, **value, "project": project})
