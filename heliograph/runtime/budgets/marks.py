"""Marks of budgets: which projects have one, as each process knows without asking another."""

from typing import Protocol

from heliograph.contracts.errors import Unavailable
from heliograph.runtime.bus.kv_cache import KvCache


class BudgetMarks(Protocol):
    """The projects that have a budget, from a local cache."""

    def has_budget(self, project: str) -> bool:
        """Raises Unavailable: that is not known right now."""

    def counts_jobs(self, project: str) -> bool:
        """Whether its budget limits the jobs that are open, by what is known."""

    def with_budget(self) -> set[str]:
        """All projects with a budget. Raises Unavailable if that is not known at the moment."""


class CachedBudgetMarks:
    """
    `BudgetMarks` in the bucket `projects`, which the owner of the cache watches.

    Args:
        confirmed_within: Seconds after which what was read last is not relied on: a budget may have been
            set meanwhile.
    """

    def __init__(self, projects: KvCache, *, confirmed_within: float) -> None:
        self._projects = projects
        self._confirmed_within = confirmed_within

    def has_budget(self, project: str) -> bool:
        entry = self._projects.cached(project)
        if entry is None or not self._is_confirmed():
            raise Unavailable("whether the project has a budget is not known", retry_after=1)
        return bool(entry.value.get("budget"))

    def counts_jobs(self, project: str) -> bool:
        entry = self._projects.cached(project)
        return bool(entry and entry.value.get("open_jobs"))

    def with_budget(self) -> set[str]:
        if not self._is_confirmed():
            raise Unavailable("which projects have a budget is not known", retry_after=1)
        entries = self._projects.every()
        return {name for name, entry in entries.items() if entry.readable.get("budget")}

    def _is_confirmed(self) -> bool:
        return self._projects.is_confirmed(self._confirmed_within)
