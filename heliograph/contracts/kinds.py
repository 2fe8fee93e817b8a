"""Kinds of jobs, and their prompt templates."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from heliograph.contracts.catalog_entry import CatalogEntry
from heliograph.contracts.ids import ModelName
from heliograph.contracts.models import Media


def _filled_with(*names: str) -> AfterValidator:
    def check(template: str) -> str:
        try:
            template.format(**dict.fromkeys(names, ""))
        except (LookupError, AttributeError, ValueError) as error:
            raise ValueError(f"cannot be filled with {' and '.join(names)}") from error
        return template

    return AfterValidator(check)


class KindFacts(CatalogEntry):
    """Facts of a kind, without operators' choice of models."""

    lane: str
    media: Media
    model: str  #: default; the request or its project may name another
    prompt_template: Annotated[str, _filled_with("prompt")] = "{prompt}"
    #: when there is an `edit_prompt`
    edit_template: Annotated[str, _filled_with("prompt", "edit_prompt")] = (
        "{prompt}\n\n{edit_prompt}"
    )
    #: when the project has a style; `prompt` is what the other templates made
    style_template: Annotated[str, _filled_with("prompt", "style")] = "{prompt}\n\nStyle: {style}"
    parameters: dict[str, Any] = Field(
        default_factory=dict
    )  #: defaults, where the model knows them
    max_references: int = Field(default=16, ge=0, le=16)
    expected_seconds: float = Field(gt=0)
    timeout_seconds: float = Field(gt=0)  #: of one attempt


class Kind(KindFacts):
    """A kind of job."""

    #: taken instead, the first that has an account here and takes the references of the request
    preferred: list[ModelName] = Field(default_factory=list)
