"""A story is a page for people, and a batch of shots for whoever draws it."""

from heliograph.contracts.batches import BatchRequest
from heliograph.contracts.scenes import Scene, Story, as_markdown, shots_of

STORY = Story(
    title="The\nKeeper",
    logline="A light, seen from afar.",
    scenes=[
        Scene(
            number=number,
            heading=f"EXT. PIER – {light}",
            action="Nothing moves.",
            shot_prompt=f"a keeper at {light.lower()}",
            duration_seconds=4,
        )
        for number, light in ((1, "DUSK"), (1, "NIGHT"))
    ],
)


def test_a_story_is_read_as_a_page() -> None:
    assert as_markdown(STORY) == (
        "# The Keeper\n\n"
        "*A light, seen from afar.*\n\n"
        "## 1. EXT. PIER – DUSK\n\nNothing moves.\n\n> a keeper at dusk\n\n4 seconds\n\n"
        "## 1. EXT. PIER – NIGHT\n\nNothing moves.\n\n> a keeper at night\n\n4 seconds\n"
    )


def test_each_scene_is_a_shot_in_a_slot_of_its_own_whatever_its_number() -> None:
    shots = shots_of(STORY, slots="storm/shot", tags={"show": "s1"}, parameters={"seed": 7})

    assert shots == [
        {
            "kind": "shot",
            "prompt": f"a keeper at {light}",
            "slot": f"storm/shot/{number}",
            "tags": {"show": "s1"},
            "parameters": {"seed": 7},
        }
        for number, light in ((1, "dusk"), (2, "night"))
    ]
    assert len(BatchRequest.model_validate({"jobs": shots}).jobs) == 2
