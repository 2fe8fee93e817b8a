"""Projects: default values for their requests, and what they keep."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from heliograph.contracts.ids import ModelName
from heliograph.contracts.label_maps import LabelMap
from heliograph.contracts.money import MaxCost, Money
from heliograph.contracts.quotas import ChangeProjectQuotas, ProjectQuotas
from heliograph.contracts.retention import ChangeRetention, Retention
from heliograph.contracts.tolerant_reader import Tolerant

Shape = Annotated[str, StringConstraints(min_length=1, max_length=16)]
Style = Annotated[str, StringConstraints(min_length=1, max_length=2_000)]


class Defaults(Tolerant):
    """Default values of a project."""

    models: dict[str, str] = Field(default_factory=dict)  #: by kind
    aspect_ratio: str | None = None  #: for the models that know it
    style: str | None = None  #: goes into every prompt, by the template of the kind
    locked_model: str | None = None  #: no other may make what this one makes
    #: `max_cost` of requests that name none, for models whose price is not known
    unpriced_max_cost: Money | None = None


class ProjectState(BaseModel):
    """A project as it is now."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)

    project: str
    defaults: Defaults
    retention: Retention = Retention()
    quotas: ProjectQuotas = ProjectQuotas()


class _Change(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ChangeDefaults(_Change):
    """Changes of a project's defaults. Omitted defaults stay; null removes one."""

    models: LabelMap[ModelName | None] | None = Field(
        default=None, max_length=256, examples=[{"portrait": "sim/picture", "shot": None}]
    )
    aspect_ratio: Shape | None = Field(default=None, examples=["16:9"])
    style: Style | None = Field(default=None, examples=["muted colours, 35 mm film"])
    locked_model: ModelName | None = None
    unpriced_max_cost: MaxCost = Field(
        default=None,
        description=(
            "Allows models of unknown price without `max_cost`: each of their jobs is counted at "
            "this amount"
        ),
        examples=["0.10"],
    )


class ChangeProject(_Change):
    """Changes of a project's settings."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    defaults: ChangeDefaults = Field(
        default=ChangeDefaults(),
        description="Defaults for fields that requests omit",
    )
    retention: ChangeRetention = Field(
        default=ChangeRetention(), description="Retention rules for the outputs of the project"
    )
    quotas: ChangeProjectQuotas = Field(
        default=ChangeProjectQuotas(), description="Quotas of the project"
    )

    @model_validator(mode="after")
    def _is_a_change(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("give defaults, retention or quotas")
        return self


def changed(defaults: Defaults, change: ChangeDefaults) -> Defaults:
    """The defaults after a change; those of kinds one by one."""
    given: dict[str, Any] = change.model_dump(exclude_unset=True)
    if given.get("models"):
        models = {**defaults.models, **given["models"]}
        given["models"] = {kind: model for kind, model in models.items() if model is not None}
    elif "models" in given:
        given["models"] = defaults.models if given["models"] is not None else {}
    return defaults.model_copy(update=given)
