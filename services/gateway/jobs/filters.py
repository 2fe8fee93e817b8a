"""Query of a list of jobs: its filters, among them labels, as `tag.show=s1` and `param.seed=7`."""

from typing import Annotated, Any, get_args

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from heliograph.contracts.job_criteria import MAX_LABELS, JobCriteria
from heliograph.contracts.job_steps import Status
from heliograph.contracts.queries.jobs import JobOrder, ListJobs
from services.gateway.cursors import MAX_CURSOR
from services.gateway.jobs.label_filters import GROUPS, Parameters, Tags

_STATUSES = get_args(Status)


def _split_statuses(given: Any) -> Any:
    """`queued,running` is both of them."""
    values = [given] if isinstance(given, str) else given or ()
    parts = [part for each in values for part in str(each).split(",")]
    if len(parts) > len(_STATUSES):
        raise PydanticCustomError("status", "at most {most}", {"most": len(_STATUSES)})
    if unknown := [part for part in parts if part not in _STATUSES]:
        known = ", ".join(_STATUSES)
        message = "{status} is not one of {known}"
        raise PydanticCustomError("status", message, {"status": unknown[0], "known": known})
    return list(dict.fromkeys(parts)) or None


Statuses = Annotated[
    list[Status] | None,
    BeforeValidator(_split_statuses),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": f"^({'|'.join(_STATUSES)})(,({'|'.join(_STATUSES)})){{0,{len(_STATUSES) - 1}}}$",
            "examples": ["failed", "queued,running"],
        }
    ),
]


class JobsQuery(JobCriteria, extra="forbid"):
    """Filters of a list of jobs; a job has to match all of them."""

    status: Statuses = Field(  # type: ignore[assignment]  # several of them, only here
        default=None, description="Status, or several separated by commas"
    )
    tag: Tags = Field(
        default_factory=dict,
        max_length=MAX_LABELS,
        description="Tags, each as `tag.<name>=<value>`",
    )
    param: Parameters = Field(
        default_factory=dict,
        max_length=MAX_LABELS,
        description="Parameters, each as `param.<name>=<value>`",
    )
    order: JobOrder = Field(
        default="newest",
        description="Sort order. `ended`: last ended first, without open jobs",
    )
    counts: bool = Field(
        default=False, description="Count the jobs of each status that match all other filters"
    )
    cursor: str | None = Field(
        default=None, max_length=MAX_CURSOR, description="`next` of the previous page"
    )
    limit: int = Field(default=50, ge=1, le=200, description="Jobs in a page")

    def jobs(self, project: str) -> ListJobs:
        """The query for status. A single status has a field of its own, for processes of release 0.1."""
        fields = self.model_dump(exclude={"tag", "param", "status"})
        statuses = self.status or []
        return ListJobs(
            project=project,
            tags=self.tag,
            parameters=self.param,
            status=statuses[0] if len(statuses) == 1 else None,
            statuses=statuses if len(statuses) > 1 else [],
            **fields,
        )

    @model_validator(mode="before")
    @classmethod
    def _group_labels(cls, query: dict[str, Any]) -> dict[str, Any]:
        """`{"tag.show": "s1"}` is `{"tag": {"show": "s1"}}`."""
        grouped: dict[str, Any] = {}
        for name, value in query.items():
            group, dot, label = name.partition(".")
            if not dot or group not in GROUPS:
                grouped[name] = value
            elif group not in query:
                grouped.setdefault(group, {})[label] = value
        return grouped
