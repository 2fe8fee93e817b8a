"""What Gemini is asked: for pictures, or for a story in the shape that we store."""

from typing import Any

from google.genai import types

from heliograph.contracts.errors import ProviderRejected
from heliograph.contracts.registry import Model
from heliograph.contracts.scenes import Story
from services.render.providers import Submission
from services.render.providers.seeding import seed_for

_DEFAULT_SCENES = 5
_EDITOR = (
    "You break a story into scenes for a film. Each scene has a heading, what happens in it, a prompt "
    "for one picture of it that stands without the others, and its length in seconds."
)


Question = tuple[str, types.GenerateContentConfig]


def story_question(submission: Submission, model: Model) -> Question:
    """A story of as many scenes as were asked for. Raises ProviderRejected."""
    said = _understood(submission, model)
    count = said.get("num_scenes", _DEFAULT_SCENES)
    contents = f"{said['prompt']}\n\nWrite {count} scenes."
    return contents, types.GenerateContentConfig(
        system_instruction=_EDITOR,
        response_mime_type="application/json",
        response_schema=Story,
        seed=said.get("seed", seed_for(submission)),
        temperature=said.get("temperature"),
        max_output_tokens=model.wire.fixed.get("max_output_tokens"),
    )


def image_question(submission: Submission, model: Model) -> Question:
    """A picture. Raises ProviderRejected."""
    said = {**_understood(submission, model), **model.wire.fixed}
    shape = types.ImageConfig(
        aspect_ratio=said.get("aspect_ratio"), image_size=said.get("image_size")
    )
    return said["prompt"], types.GenerateContentConfig(
        response_modalities=["IMAGE"], image_config=shape
    )


def _understood(submission: Submission, model: Model) -> dict[str, Any]:
    """The arguments, of which Gemini's client takes no others: some would have it repeat itself."""
    unknown = submission.arguments.keys() - model.parameters.keys() - {"prompt"}
    if unknown:
        raise ProviderRejected(f"{', '.join(sorted(unknown))}: not understood by this model")
    return submission.arguments
