"""
Casting: the two reference pictures of a person, submitted as a pair.

Reference `a` fills the slot `cast/<person>/ref_a`, `b` fills `cast/<person>/ref_b`.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from heliograph.contracts.canonical_json import digest
from heliograph.contracts.ids import ModelName
from heliograph.contracts.money import MaxCost
from heliograph.contracts.references import Reference

Half = Literal["a", "b"]
BOTH: tuple[Half, ...] = ("a", "b")
Operation = Literal["create", "rerender_both", "rerender_a", "rerender_b"]
Prompt = Annotated[str, Field(min_length=1, max_length=20_000)]

HALVES: dict[Operation, tuple[Half, ...]] = {
    "create": BOTH,
    "rerender_both": BOTH,
    "rerender_a": ("a",),
    "rerender_b": ("b",),
}  #: what each operation makes


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Prompts(_Body):
    """A prompt of its own for each reference."""

    a: Prompt | None = None
    b: Prompt | None = None


class CastRequest(_Body):
    """References of a person, both or one of them."""

    operation: Operation = Field(description="References to make")
    prompt: Prompt | None = Field(
        default=None,
        description="Prompt for references without one in `prompts`",
        examples=["a lighthouse keeper, front view"],
    )
    prompts: Prompts | None = Field(default=None, description="Prompt of each reference")
    edit_prompt: Prompt | None = Field(
        default=None, description="Change to the reference; appended to the prompt"
    )
    references: list[Reference] = Field(
        default_factory=list, max_length=16, description="Input pictures"
    )
    model: ModelName | None = Field(default=None, description="Name of a model in `/v1/models`")
    aspect_ratio: str | None = Field(
        default=None,
        max_length=16,
        description="One of the model's aspect ratios",
        examples=["3:4"],
    )
    max_references: int | None = Field(
        default=None,
        ge=1,
        le=16,
        description="Maximum number of references; further ones are dropped",
    )
    max_cost: MaxCost = Field(
        default=None,
        description=(
            "The request is refused if the estimated price of one reference is higher. If the "
            "price of the model is not known, each reference is counted at this amount"
        ),
        examples=["0.05"],
    )

    @property
    def halves(self) -> tuple[Half, ...]:
        return HALVES[self.operation]

    @property
    def is_single(self) -> bool:
        """Whether one reference is produced again, from exactly one input reference."""
        return len(self.halves) == 1

    def prompt_of(self, half: Half) -> str | None:
        """The prompt of a half; None if it has no prompt."""
        own: str | None = getattr(self.prompts, half) if self.prompts else None
        return own or self.prompt

    def digest(self, person: str, half: Half) -> str:
        """Digest of the request: equal for equal requests, however their JSON is written."""
        body = self.model_dump(exclude_defaults=True)
        return digest({"cast": person, "half": half, "body": body})


def slot_of(person: str, half: Half) -> str:
    """The slot of a person's reference."""
    return f"cast/{person}/ref_{half}"
