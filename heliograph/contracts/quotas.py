"""
Quotas of a project, an API key or an end user: rate of new jobs, open jobs, and queued jobs.

Null: no quota. Each quota is counted separately, and a request has to fit into all of them.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from heliograph.contracts.numbers import WHOLE
from heliograph.contracts.tolerant_reader import Tolerant

MAX_JOBS = 1_000  #: of a quota of jobs; the operator's `HELIOGRAPH_MAX_QUEUED` bounds more
MAX_WINDOW = 86_400  #: seconds

Count = Annotated[int, Field(ge=1, le=1_000_000, strict=True), WHOLE]
JobCount = Annotated[int, Field(ge=1, le=MAX_JOBS, strict=True), WHOLE]
WindowLength = Annotated[int, Field(ge=1, le=MAX_WINDOW, strict=True), WHOLE]


class RequestRate(Tolerant):
    """Requests for jobs in a window of time; each job of a batch is one."""

    limit: Count = Field(examples=[100])
    window_seconds: WindowLength = Field(
        default=60,
        description=(
            "Length of a window in seconds; windows start at multiples of it since "
            "1970-01-01T00:00Z"
        ),
    )


class Quotas(Tolerant):
    """Quotas of one project, key or user."""

    requests: RequestRate | None = None
    jobs_in_flight: JobCount | None = Field(default=None, description="Maximum number of open jobs")
    jobs_queued: JobCount | None = Field(
        default=None, description="Maximum number of jobs that have not started"
    )

    @property
    def is_set(self) -> bool:
        """Whether there is any."""
        return any((self.requests, self.jobs_in_flight, self.jobs_queued))

    def changed(self, change: "ChangeQuotas") -> "Quotas":
        """The quotas after a change."""
        return Quotas.model_validate({**self.model_dump(), **change.model_dump(exclude_unset=True)})


class ProjectQuotas(Quotas):
    """Quotas of a project, and of each `user` in it."""

    user: Quotas = Field(default=Quotas(), description="Quotas of each `user` named in requests")

    def after(self, change: "ChangeProjectQuotas") -> "ProjectQuotas":
        """The quotas after a change; quotas of users change one by one, too."""
        given: dict[str, Any] = change.model_dump(exclude_unset=True)
        if "user" in given:
            given["user"] = {**self.user.model_dump(), **(given["user"] or {})}
            if change.user is None:
                given["user"] = {}
        return ProjectQuotas.model_validate({**self.model_dump(), **given})


class _Change(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ChangeRate(_Change):
    """Requests for jobs in a window of time; each job of a batch is one."""

    limit: Count = Field(examples=[100])
    window_seconds: WindowLength = Field(default=60, description="Length of a window")


class ChangeQuotas(_Change):
    """Changes of quotas. Omitted quotas stay; null removes one."""

    requests: ChangeRate | None = None
    jobs_in_flight: JobCount | None = Field(default=None, description="Maximum number of open jobs")
    jobs_queued: JobCount | None = Field(
        default=None, description="Maximum number of jobs that have not started"
    )


class ChangeProjectQuotas(ChangeQuotas):
    """Changes of the quotas of a project. Omitted quotas stay; null removes one."""

    user: ChangeQuotas | None = Field(
        default=None, description="Quotas of each `user` named in requests; null: none"
    )
