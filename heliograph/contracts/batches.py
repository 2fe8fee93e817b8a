"""
Batches: jobs submitted together, all of them or none.

Each item is a request for a job as it is anywhere else. With an Idempotency-Key, item number i has
the key `<key>/<i>`.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from heliograph.contracts.canonical_json import digest
from heliograph.contracts.job_steps import Status
from heliograph.contracts.jobs import Cost, Job
from heliograph.contracts.problems import Problem
from heliograph.contracts.requests import JobRequest

MAX_JOBS = 500  #: in a batch

#: What became of an item: a new job; the job that its key made before; another job that is making
#: the same for its slot; nothing, as it was there or under way; nothing, for a reason.
Outcome = Literal["accepted", "replayed", "deduplicated", "skipped", "refused"]


class BatchRequest(BaseModel):
    """Jobs that are submitted together."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    jobs: list[JobRequest] = Field(
        min_length=1,
        max_length=MAX_JOBS,
        description="Job requests",
        examples=[
            [
                {"kind": "portrait", "prompt": "the keeper", "slot": "portrait/keeper"},
                {"kind": "portrait", "prompt": "the captain", "slot": "portrait/captain"},
            ]
        ],
    )
    only_missing: bool = Field(
        default=False,
        description="Skip requests whose slot already has a version or an open job",
    )

    def digest(self) -> str:
        """Digest of the request: equal for equal requests, however their JSON is written."""
        return digest(self.model_dump(exclude_defaults=True))


class BatchItem(BaseModel):
    """Outcome of one request of a batch."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)

    index: int  #: in the request, from 0
    outcome: Outcome
    job: Job | None = (
        None  #: as it is now, in its latest try; of a skipped item what fills the slot
    )
    problem: Problem | None = None  #: why it has no job; pointers begin at the root of the request


class Batch(BaseModel):
    """A batch as it is now."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)

    id: str
    project: str
    counts: dict[Status, int]  #: of its jobs, without those of skipped items
    #: of those jobs together; null when they are priced in different currencies
    cost: Cost | None = None
    items: list[BatchItem]


class BatchProblem(Problem):
    """Problem of a rejected batch, with each refused item."""

    items: list[BatchItem]
