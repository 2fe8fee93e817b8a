"""Job criteria: which jobs of a project are meant, in lists, queries and bulk actions."""

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from heliograph.contracts.job_steps import Status
from heliograph.contracts.label_maps import Labels

MAX_LABELS = 16  #: tags of a filter, and parameters of one


class JobCriteria(BaseModel):
    """Criteria of a job without labels; a job must match all of them."""

    model_config = ConfigDict(frozen=True)

    status: Status | None = Field(default=None, description="Status of the job")
    kind: str | None = Field(default=None, max_length=64, description="Name of the kind")
    model: str | None = Field(
        default=None, max_length=130, description="Name of the model: `provider/name`"
    )
    slot: str | None = Field(
        default=None,
        max_length=520,
        description="Prefix of slot names",
        examples=["portrait/"],
    )
    user: str | None = Field(default=None, max_length=128, description="`user` of the request")
    batch: str | None = Field(default=None, max_length=32, description="Id of the batch")
    q: str | None = Field(
        default=None, min_length=1, max_length=256, description="Text contained in the prompt"
    )
    created_after: AwareDatetime | None = Field(default=None, description="Inclusive")
    created_before: AwareDatetime | None = Field(default=None, description="Inclusive")


class LabelledCriteria(JobCriteria):
    """Criteria of a job, with labels."""

    tags: Labels = Field(default_factory=dict, max_length=MAX_LABELS)
    parameters: Labels = Field(default_factory=dict, max_length=MAX_LABELS)
