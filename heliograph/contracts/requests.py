"""Request bodies of the gateway, validated before anything happens."""

import hashlib
import json
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    field_validator,
    model_serializer,
    model_validator,
)

from heliograph.contracts.ids import AssetId, JobId, ModelName, SlotName
from heliograph.contracts.label_maps import Labels
from heliograph.contracts.tolerant_reader import Tolerant

Priority = Literal["high", "normal", "low"]
PRIORITIES: tuple[Priority, ...] = ("high", "normal", "low")

MAX_PARAMETERS = 256 * 1024  #: bytes of parameters, as JSON; no job with more fits into its events
MAX_CHANGES = 768 * 1024  #: bytes of a retry's changes, as JSON; all fields of a request have fewer
MAX_ARGUMENTS = 32 * 1024  #: bytes of raw provider arguments, as JSON


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


_PLACES = ("asset", "url", "upload")
_Place = Annotated[
    dict[str, Any],
    WithJsonSchema(
        {"type": "object", "properties": {place: {"type": "string"} for place in _PLACES}}
    ),
]


class KeptReference(Tolerant):
    """A reference as records have it."""

    asset: str | None = None
    url: str | None = None
    upload: str | None = None

    def place(self) -> dict[str, str]:
        """The reference as a request writes it."""
        named = {"asset": self.asset, "url": self.url, "upload": self.upload}
        return {name: place for name, place in named.items() if place is not None}

    @model_serializer
    def _only_the_place(self) -> _Place:
        return {
            name: place
            for name, place in self
            if place is not None or name not in type(self).model_fields
        }


class Reference(KeptReference):
    """A picture to work from: one of our assets, an upload, or an address on the web."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "oneOf": [
                {
                    "title": f"Reference by {place}",
                    "required": [place],
                    "properties": {place: {"type": "string"}},
                }
                for place in _PLACES
            ]
        },
    )

    asset: AssetId | None = None
    url: Annotated[str, StringConstraints(pattern=r"^https?://\S+$", max_length=2048)] | None = None
    upload: Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")] | None = None

    def kept(self) -> KeptReference:
        """The same, for a record."""
        return KeptReference.model_validate(self.place())

    @model_validator(mode="after")
    def _names_one_place(self) -> Self:
        if sum(place is not None for place in (self.asset, self.url, self.upload)) != 1:
            raise ValueError("give exactly one of asset, url and upload")
        return self


class KeptOnAmbiguous(Tolerant):
    """Policy for a submission of unknown outcome, as stored in records."""

    action: Literal["ask", "fail"] = "ask"


class OnAmbiguous(KeptOnAmbiguous):
    """Policy for a submission of unknown outcome."""

    model_config = ConfigDict(extra="forbid")


_MONEY_SCHEMA = WithJsonSchema(  #: the number of digits has no word of its own
    {
        "anyOf": [
            {"type": "number", "minimum": 0, "maximum": 999_999, "multipleOf": 0.000001},
            {"type": "string", "pattern": r"^[0-9]{1,6}(\.[0-9]{1,6})?$"},
            {"type": "null"},
        ]
    }
)


class JobRequest(_Body):
    """A picture, a video or a text that somebody wants."""

    kind: Annotated[
        str,
        Field(
            min_length=1,
            max_length=64,
            description="What it is for: one of `/v1/kinds`",
            examples=["portrait"],
        ),
    ]
    prompt: Annotated[
        str,
        Field(
            min_length=1,
            max_length=20_000,
            description="What to make",
            examples=["a lighthouse keeper, oil on canvas"],
        ),
    ]
    model: ModelName | None = Field(
        default=None,
        description="One of `/v1/models`; left out: the project's for the kind, or the kind's",
        examples=["sim/picture"],
    )
    slot: SlotName | None = Field(
        default=None,
        description="The place in the project that the result fills; one job at a time for each",
        examples=["portrait/char-123"],
    )
    references: list[Reference] = Field(
        default_factory=list, max_length=16, description="Pictures to work from"
    )
    max_references: int | None = Field(
        default=None,
        ge=1,
        le=16,
        description="More references are cut to the first so many. 1 without any references: the "
        "current version of the slot is the reference",
    )
    edit_prompt: str | None = Field(
        default=None,
        min_length=1,
        max_length=20_000,
        description="What to change about the reference; follows the prompt",
    )
    parameters: dict[str, Any] = Field(
        default_factory=dict,
        max_length=64,
        description="Parameters of the model, by our names; their JSON Schema is in `/v1/models`",
        examples=[{"aspect_ratio": "1:1", "seed": 7}],
    )
    arguments: dict[str, Any] = Field(
        default_factory=dict,
        max_length=MAX_ARGUMENTS // 4,
        description="Raw arguments in the provider's own words, laid over the parameters",
    )
    priority: Priority = Field(default="normal", description="Among the jobs of the project")
    user: str | None = Field(
        default=None, min_length=1, max_length=128, description="Who in your application asked"
    )
    tags: Labels = Field(
        default_factory=dict,
        max_length=16,
        description="Labels to find the job by",
        examples=[{"show": "s1"}],
    )
    finish_by: AwareDatetime | None = Field(
        default=None, description="A job that is not done by then is `expired`"
    )
    max_cost: Annotated[Decimal | None, _MONEY_SCHEMA] = Field(
        default=None,
        ge=0,
        max_digits=12,
        decimal_places=6,
        description="The request is refused when its estimated price is higher",
        examples=["0.05"],
    )
    on_ambiguous: OnAmbiguous = Field(
        default=OnAmbiguous(),
        description="What to do when a submission may, or may not, have been accepted",
    )
    quote: Annotated[str | None, WithJsonSchema({"type": "null"})] = Field(
        default=None, max_length=256, description="Part of the contract, and not available yet"
    )
    after: list[JobId] = Field(
        default_factory=list,
        max_length=16,
        description="Jobs that must succeed first; the job fails when one of them does not",
    )
    replace: bool = Field(
        default=False, description="Cancel the job that is filling the slot, and take its place"
    )
    reuse: bool = Field(
        default=False,
        description="Succeed at once, for nothing, with a stored result of the same input",
    )

    @field_validator("quote")
    @classmethod
    def _works_already(cls, value: Any) -> Any:
        if value:
            raise ValueError("part of the contract, and not available yet")
        return value

    @field_validator("parameters")
    @classmethod
    def _fit_into_events(cls, parameters: dict[str, Any]) -> dict[str, Any]:
        if _size(parameters) > MAX_PARAMETERS:
            raise ValueError(f"at most {MAX_PARAMETERS} bytes as JSON")
        return parameters

    @field_validator("arguments")
    @classmethod
    def _is_bounded(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        if len(canonical(arguments)) > MAX_ARGUMENTS:
            raise ValueError(f"at most {MAX_ARGUMENTS} bytes as JSON")
        return arguments

    def digest(self) -> str:
        """The same for every body that asks for the same, however it was written down."""
        return digest(self.model_dump(exclude_defaults=True))

    def input_digest(self) -> str:
        """The same for every request that would give the same result."""
        inputs = {"kind", "model", "prompt", "edit_prompt", "parameters", "arguments", "references"}
        return digest(self.model_dump(include=inputs, exclude_defaults=True))


class CancelRequest(_Body):
    """Stop a job, or let it run on without its slot."""

    mode: Literal["stop", "detach"] = Field(
        default="stop",
        description="`stop` cancels it at the provider, too; `detach` frees its slot only",
    )


RetryFrom = Literal["download", "poll", "submit"]


class RetryRequest(_Body):
    """Try a job again, from the cheapest step that can work unless one is named."""

    from_: RetryFrom | None = Field(
        default=None,
        alias="from",
        description="`download` fetches the outputs again and `poll` the request, for nothing; "
        "`submit` makes a new one. Left out: the cheapest step that can work",
    )
    changes: dict[str, Any] = Field(
        default_factory=dict,
        max_length=32,
        description="Fields of the request that shall be different; with `submit` only",
        examples=[{"prompt": "the same keeper, at night"}],
    )

    @field_validator("changes")
    @classmethod
    def _may_be_a_request(cls, changes: dict[str, Any]) -> dict[str, Any]:
        if len(changes) > 2 * len(JobRequest.model_fields) or _size(changes) > MAX_CHANGES:
            raise ValueError(f"fields of a request, at most {MAX_CHANGES} bytes as JSON")
        return changes


def _size(value: Any) -> int:
    """Bytes of JSON."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)
    return len(text.encode(errors="replace"))


def canonical(value: Any) -> bytes:
    """JSON with one way to write each value: 1.0 is 1, and a moment is the same in every zone."""
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":")).encode()


_PLAIN = frozenset({str, int, bool, type(None)})


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {name: _plain(member) for name, member in value.items()}
        case list():
            return [each if type(each) in _PLAIN else _plain(each) for each in value]
        case float() if value.is_integer():
            return int(value)
        case Decimal():
            return str(value.normalize())
        case datetime():
            return value.timestamp()
    return value


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON, in hex."""
    return hashlib.sha256(canonical(value)).hexdigest()
