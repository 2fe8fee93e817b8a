"""Marks of budgets that are the same for every project."""


class Marks:
    """`BudgetMarks`: every project has a budget, or none has."""

    def __init__(self, *, has_budget: bool = True, counts_jobs: bool = False) -> None:
        self._has_budget = has_budget
        self._counts_jobs = counts_jobs

    def has_budget(self, _project: str) -> bool:
        return self._has_budget

    def counts_jobs(self, _project: str) -> bool:
        return self._counts_jobs

    def with_budget(self) -> set[str]:
        raise NotImplementedError("projects have no names here")
