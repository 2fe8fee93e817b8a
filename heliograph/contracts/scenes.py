"""
Scenes: what a text model makes of a prompt, and the shots that it asks for.

The asset of a `scenes` job is a `Story` as JSON; its variant `markdown` is the same for people.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Scene(BaseModel):
    """One scene, numbered from 1."""

    model_config = ConfigDict(extra="ignore")

    number: int
    heading: str
    action: str
    shot_prompt: str
    duration_seconds: int


class Story(BaseModel):
    """A story: the output of a text model."""

    model_config = ConfigDict(extra="ignore")

    title: str
    logline: str
    scenes: list[Scene] = Field(min_length=1)


def shots_of(story: Story, *, slots: str = "shot", **fields: Any) -> list[dict[str, Any]]:
    """
    Requests for the picture of each scene, in order, as a batch takes them.

    Scene number n is for the slot `<slots>/<n>`. `fields` are of every request, as `tags`.
    """
    return [
        {
            "kind": "shot",
            **fields,
            "prompt": scene.shot_prompt,
            "slot": f"{slots}/{number}",
        }
        for number, scene in enumerate(story.scenes, start=1)
    ]
