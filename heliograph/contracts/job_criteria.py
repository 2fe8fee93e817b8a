"""Job criteria: which jobs of a project are meant, in lists, queries and bulk actions."""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from heliograph.contracts.ids import Label
from heliograph.contracts.records import Status

MAX_LABELS = 16  #: tags of a filter, and parameters of one

#: names and values that jobs are found by
Labels = dict[Label, Annotated[str, Field(max_length=256)]]


class JobCriteria(BaseModel):
    """Jobs that are all of this."""

    model_config = ConfigDict(frozen=True)

    status: Status | None = None
    kind: Annotated[str, Field(max_length=64)] | None = None
    model: Annotated[str, Field(max_length=130)] | None = None
    slot: Annotated[str, Field(max_length=520)] | None = None  #: prefix
    user: Annotated[str, Field(max_length=128)] | None = None
    batch: Annotated[str, Field(max_length=32)] | None = None
    tags: Labels = Field(default_factory=dict, max_length=MAX_LABELS)
    parameters: Labels = Field(default_factory=dict, max_length=MAX_LABELS)
    q: str | None = Field(default=None, min_length=1, max_length=256)  #: text in prompts
    created_after: AwareDatetime | None = None  #: inclusive
    created_before: AwareDatetime | None = None  #: inclusive
