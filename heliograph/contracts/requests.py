"""Bodies of job and cancel requests, validated before anything happens."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator, model_validator

from heliograph.contracts.canonical_json import canonical, digest, json_size
from heliograph.contracts.ids import JobId, ModelName, SlotName, UserName
from heliograph.contracts.label_maps import Labels
from heliograph.contracts.money import MaxCost, Money
from heliograph.contracts.references import Reference
from heliograph.contracts.tolerant_reader import Tolerant

Priority = Literal["high", "normal", "low"]
PRIORITIES: tuple[Priority, ...] = ("high", "normal", "low")

MAX_PARAMETERS = 256 * 1024  #: bytes of parameters, as JSON; no job with more fits into its events
MAX_ARGUMENTS = 32 * 1024  #: bytes of raw provider arguments, as JSON


class RequestBody(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


#: the rule of `below`, which a validator checks here
_BOUND_OF_A_RESUBMIT = {
    "if": {"properties": {"action": {"const": "resubmit"}}, "required": ["action"]},
    "then": {"properties": {"below": {"not": {"type": "null"}}}, "required": ["below"]},
    "else": {"properties": {"below": {"type": "null"}}},
}


class KeptOnAmbiguous(Tolerant):
    """Policy for a submission of unknown outcome, as stored in records."""

    action: Literal["ask", "fail"] = "ask"
    #: most that another attempt may cost which is made unasked; null: none is. Earlier releases ask
    resubmit_below: Money | None = None

    def request(self) -> "OnAmbiguous":
        """The policy as a request has it."""
        if self.resubmit_below is None:
            return OnAmbiguous(action=self.action)
        return OnAmbiguous(action="resubmit", below=self.resubmit_below)


class OnAmbiguous(RequestBody, json_schema_extra=_BOUND_OF_A_RESUBMIT):
    """Policy for a submission of unknown outcome."""

    action: Literal["ask", "fail", "resubmit"] = Field(
        default="ask",
        description="`ask` waits for a manual decision, `fail` ends the job, and `resubmit` submits the request "
        "again, which may be charged a second time",
    )
    below: MaxCost = Field(
        default=None,
        description="Maximum cost of the second attempt; required with `resubmit`, not allowed otherwise",
        examples=["0.05"],
    )

    @model_validator(mode="after")
    def _names_a_bound(self) -> "OnAmbiguous":
        if (self.action == "resubmit") != (self.below is not None):
            raise ValueError("`resubmit` needs `below`, and nothing else has it")
        return self

    def kept(self) -> KeptOnAmbiguous:
        """The policy as it is stored."""
        action: Literal["ask", "fail"] = "fail" if self.action == "fail" else "ask"
        return KeptOnAmbiguous(action=action, resubmit_below=self.below)


class JobRequest(RequestBody):
    """Request for a job: a picture, a video or a text."""

    kind: Annotated[
        str,
        Field(
            min_length=1,
            max_length=64,
            description="Name of a kind in `/v1/kinds`",
            examples=["portrait"],
        ),
    ]
    prompt: Annotated[
        str,
        Field(
            min_length=1,
            max_length=20_000,
            description="Prompt for the model",
            examples=["a lighthouse keeper, oil on canvas"],
        ),
    ]
    model: ModelName | None = Field(
        default=None,
        description=(
            "Name of a model in `/v1/models`. If omitted: the project's model for the kind, or "
            "the kind's default"
        ),
        examples=["sim/picture"],
    )
    slot: SlotName | None = Field(
        default=None,
        description="Slot of the project that the result fills; a slot has at most one open job",
        examples=["portrait/char-123"],
    )
    references: list[Reference] = Field(
        default_factory=list, max_length=16, description="Input pictures"
    )
    max_references: int | None = Field(
        default=None,
        ge=1,
        le=16,
        description=(
            "Maximum number of references; further ones are dropped. 1 without any references: "
            "the current version of the slot is the reference"
        ),
    )
    edit_prompt: str | None = Field(
        default=None,
        min_length=1,
        max_length=20_000,
        description="Change to the reference; appended to the prompt",
    )
    parameters: dict[str, Any] = Field(
        default_factory=dict,
        max_length=64,
        description="Parameters of the model under Heliograph's names; `/v1/models` has their JSON Schema",
        examples=[{"aspect_ratio": "1:1", "seed": 7}],
    )
    arguments: dict[str, Any] = Field(
        default_factory=dict,
        max_length=MAX_ARGUMENTS // 4,
        description="Raw provider arguments; they override the parameters",
    )
    priority: Priority = Field(
        default="normal",
        description=(
            "Weight in the lane among the jobs of all projects: `high` jobs start 16 times as "
            "often as `low` ones, `normal` jobs 4 times"
        ),
    )
    user: UserName | None = Field(
        default=None, description="User of your application who made the request"
    )
    tags: Labels = Field(
        default_factory=dict,
        max_length=16,
        description="Labels to find the job by",
        examples=[{"show": "s1"}],
    )
    finish_by: AwareDatetime | None = Field(
        default=None, description="Deadline; a job that has not ended by then becomes `expired`"
    )
    max_cost: MaxCost = Field(
        default=None,
        description=(
            "The request is refused if its estimated price is higher. If the price of the model "
            "is not known, the job is counted at this amount"
        ),
        examples=["0.05"],
    )
    on_ambiguous: OnAmbiguous = Field(
        default=OnAmbiguous(),
        description="Action if it is unknown whether the provider accepted a submission",
    )
    quote: str | None = Field(
        default=None,
        max_length=256,
        description="Quote for this request; the request is refused if the price has risen above it",
    )
    after: list[JobId] = Field(
        default_factory=list,
        max_length=16,
        description="Jobs that must succeed first; the job fails when one of them does not",
    )
    replace: bool = Field(
        default=False, description="Cancel the open job of the slot and replace it"
    )
    reuse: bool = Field(
        default=False,
        description=(
            "Succeed immediately and at no cost with a stored result of the same input, if there "
            "is one"
        ),
    )

    @field_validator("parameters")
    @classmethod
    def _fit_into_events(cls, parameters: dict[str, Any]) -> dict[str, Any]:
        if json_size(parameters) > MAX_PARAMETERS:
            raise ValueError(f"at most {MAX_PARAMETERS} bytes as JSON")
        return parameters

    @field_validator("arguments")
    @classmethod
    def _is_bounded(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        if len(canonical(arguments)) > MAX_ARGUMENTS:
            raise ValueError(f"at most {MAX_ARGUMENTS} bytes as JSON")
        return arguments

    def digest(self, model: str | None = None) -> str:
        """
        Digest of the request: equal for equal requests, however their JSON is written.

        Args:
            model: Takes the place of the request's own.
        """
        body = self.model_dump(exclude_defaults=True)
        return digest({**body, "model": model} if model else body)

    def input_digest(self) -> str:
        """Digest of the inputs: equal for requests that would give the same result."""
        inputs = {"kind", "model", "prompt", "edit_prompt", "parameters", "arguments", "references"}
        return digest(self.model_dump(include=inputs, exclude_defaults=True))


class CancelRequest(RequestBody):
    """Stop a job, or let it run on without its slot."""

    mode: Literal["stop", "detach"] = Field(
        default="stop",
        description="`stop` also cancels the request at the provider; `detach` only frees the slot",
    )
