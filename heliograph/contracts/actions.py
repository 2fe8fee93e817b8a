"""
Actions: many jobs tried again, or canceled, with one request.

A preview (`dry_run`) says what it would do, and what it would cost.
"""

from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from heliograph.contracts.batches import Outcome
from heliograph.contracts.canonical_json import digest
from heliograph.contracts.ids import BatchId, JobId
from heliograph.contracts.job_criteria import LabelledCriteria
from heliograph.contracts.job_steps import Status
from heliograph.contracts.jobs import Cost, Job
from heliograph.contracts.problems import Charged, Problem
from heliograph.contracts.retry_requests import RetryFrom

MAX_JOBS = 1_000  #: of one action; a filter that matches more acts on the newest

Action = Literal["retry", "cancel"]

#: what a filter looks among: jobs in these states can be tried again, or canceled
APPLIES_TO: dict[Action, tuple[Status, ...]] = {
    "retry": ("failed", "canceled", "expired"),
    "cancel": ("queued", "running"),
}


class JobFilter(LabelledCriteria):
    """Filter of jobs: a job has to match all criteria, which are those of a list's query."""

    model_config = ConfigDict(extra="forbid")

    batch: BatchId | None = Field(default=None, description="Id of its batch")


class ActionRequest(BaseModel):
    """An action on jobs that are selected by id or by filter."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: Action = Field(description="Action for each of the jobs")
    ids: Annotated[list[JobId], Field(min_length=1, max_length=MAX_JOBS)] | None = Field(
        default=None, description="Ids of the jobs; either this or `filter`"
    )
    filter: JobFilter | None = Field(
        default=None,
        description="Filter of jobs; a job must match all criteria",
        examples=[{"status": "failed"}],
    )
    mode: Literal["stop", "detach"] = Field(
        default="stop", description="Mode of cancellation, as for one job"
    )
    from_: RetryFrom | None = Field(
        default=None,
        alias="from",
        description=(
            "Step of a retry. If omitted, each job uses its cheapest step, and jobs whose step "
            "costs money are refused"
        ),
    )
    dry_run: bool = Field(
        default=False, description="Return the effect and the cost, and change nothing"
    )

    @field_validator("ids")
    @classmethod
    def _names_each_once(cls, ids: list[str] | None) -> list[str] | None:
        if ids is not None and len(set(ids)) < len(ids):
            raise ValueError("names a job more than once")
        return ids

    @model_validator(mode="after")
    def _has_one_target(self) -> Self:
        if (self.ids is None) == (self.filter is None):
            raise ValueError("give either ids or a filter")
        if self.action == "retry" and self.mode != "stop":
            raise ValueError("a retry has no mode")
        if self.action == "cancel" and self.from_:
            raise ValueError("only a retry begins from a step")
        return self

    def digest(self) -> str:
        """Digest of the request: equal for equal requests, however their JSON is written."""
        return digest(self.model_dump(exclude_defaults=True))


class _Result(BaseModel):
    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class RetryOutlook(_Result):
    """
    Preview of a job's retry. `problem` has the reason if it would be refused. If the reason is the price,
    `from` and `cost` have the only step that can work and its cost.
    """

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True)

    id: str
    outcome: Literal["accepted", "refused"]
    from_: RetryFrom | None = Field(default=None, alias="from")
    cost: Cost | None = None
    problem: Problem | None = None


class CancelOutlook(_Result):
    """Preview of a job's cancellation. A job that is canceled already would be skipped."""

    id: str
    outcome: Literal["accepted", "skipped", "refused"]
    charged: Charged | None = None
    problem: Problem | None = None


class _Preview(_Result):
    project: str
    dry_run: Literal[True] = True
    count: int  #: jobs that it would be done to
    refused: int  #: jobs that it cannot be done to
    more: bool  #: the filter matches more than one action takes


class RetryPreview(_Preview):
    """Preview of a bulk retry, with its cost."""

    action: Literal["retry"] = "retry"
    free: int  #: jobs whose new try costs nothing
    paid: int  #: jobs whose new try costs something; refused, unless the action says `from: submit`
    cost: Cost  #: of the paid ones together
    items: list[RetryOutlook]


class CancelPreview(_Preview):
    """Preview of a bulk cancellation."""

    action: Literal["cancel"] = "cancel"
    charged: dict[Charged, int]  #: how many jobs will have cost something
    items: list[CancelOutlook]


class ActionItem(_Result):
    """Outcome of one job of an action."""

    index: int
    id: str  #: of the job that was named, or matched
    outcome: Outcome
    job: Job | None = None  #: the job itself; of a retry, the one that tries again
    problem: Problem | None = None


class ActionReport(_Result):
    """Outcome of an action."""

    action: Action
    project: str
    counts: dict[Outcome, int]
    more: bool  #: the filter matched more than one action takes; ask again for the rest
    items: list[ActionItem]
