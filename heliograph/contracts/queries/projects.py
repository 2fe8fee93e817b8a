"""Query of projects, which status answers from its read model."""

from pydantic import AwareDatetime, Field

from heliograph.contracts.queries import Query
from heliograph.contracts.tolerant_reader import Tolerant


class ProjectActivity(Tolerant):
    """A project that has jobs."""

    project: str
    counts: dict[str, int]  #: its jobs by status, without those that were pruned
    last_activity: AwareDatetime  #: when one of its jobs was last accepted, or ended


class ProjectPage(Tolerant):
    """Part of a list. `next` continues it, null at its end."""

    items: list[ProjectActivity]
    next: str | None = None


class ListProjects(Query[ProjectPage]):
    """Projects that have jobs, by name. Answered by status with `ProjectPage`."""

    subject = "query.projects.list"

    projects: list[str] | None = Field(default=None, max_length=1_000)  #: only these; null: all
    cursor: str | None = None  #: the last project of the page before
    limit: int = 50
