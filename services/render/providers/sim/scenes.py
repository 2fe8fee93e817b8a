"""Scene lists from a prompt, without a text model."""

import json
from random import Random
from typing import Any

from services.render.sim_pictures.seeded_random import seeded_random

SUBJECT = 160  #: characters of the prompt that a shot repeats


def write_scenes(prompt: str, seed: int, count: int) -> bytes:
    """
    JSON: title, logline, and `count` scenes with their shots and seconds.

    Each scene has number (from 1), heading, action, shot_prompt and duration_seconds (3 to 8).
    """
    dice = seeded_random("scenes", prompt, seed, count)
    words = prompt.encode("utf-8", "replace").decode().split()
    subject = _shortened(" ".join(words), SUBJECT).rstrip(".")
    story = {
        "title": _shortened(subject, 48) or "Untitled",
        "logline": f"{dice.choice(_LOGLINES)} “{subject}”, in {count} scenes.",
        "scenes": _scenes(dice, subject, count),
    }
    return json.dumps(story, ensure_ascii=False, indent=2).encode()


def _scenes(dice: Random, subject: str, count: int) -> list[dict[str, Any]]:
    """Through one day, from place to place."""
    places, shots, looks = (_shuffled(dice, texts) for texts in (_PLACES, _SHOTS, _LOOKS))
    turns = _shuffled(dice, _TURNS)
    actions = [turns[number % len(turns)] for number in range(count)]
    actions[-1:] = [dice.choice(_ENDINGS)]
    actions[:1] = [dice.choice(_OPENINGS)]
    scenes = []
    for number, action in enumerate(actions[:count]):
        place, light = places[number % len(places)], _LIGHTS[number * len(_LIGHTS) // count]
        shot, look = shots[number % len(shots)], looks[number % len(looks)]
        scene = {
            "number": number + 1,
            "heading": f"EXT. {place.partition(' the ')[2].upper()} – {light.upper()}",
            "action": action,
            "shot_prompt": f"{subject}. {shot}, {place}, {light}, {look}.",
            "duration_seconds": dice.randint(3, 8),
        }
        scenes.append(scene)
    return scenes


def _shuffled(dice: Random, texts: tuple[str, ...]) -> list[str]:
    return dice.sample(texts, len(texts))


def _shortened(text: str, most: int) -> str:
    """At most so many characters, cut between words where there are any."""
    if len(text) <= most:
        return text
    cut = text[: most - 1]
    return (cut.rsplit(" ", 1)[0] if " " in cut else cut).rstrip(" ,.;:") + "…"


_PLACES = (
    "on the harbour wall",
    "at the end of the pier",
    "on the coast road",
    "above the tree line",
    "on the lake shore",
    "between the dunes",
    "at the edge of the forest",
    "on the hill behind the village",
    "under the lighthouse",
    "out on the open water",
    "on the bridge",
    "in the long grass",
)
_LIGHTS = (
    "before sunrise",
    "early morning",
    "late morning",
    "noon",
    "late afternoon",
    "golden hour",
    "dusk",
    "blue hour",
    "night",
)
_SHOTS = (
    "Wide establishing shot",
    "Slow push-in",
    "Close-up",
    "Low angle",
    "View from above",
    "Tracking shot from the side",
    "Over the shoulder",
    "Static frame with a deep background",
    "Silhouette against the sky",
)
_LOOKS = (
    "35 mm, soft haze",
    "long lens, compressed layers",
    "muted colours, fine grain",
    "warm highlights, deep shadows",
    "calm water, clear air",
    "wind in the foreground",
    "a single light in the distance",
)
_LOGLINES = (
    "A small story about looking twice.",
    "One evening, told slowly.",
    "Something arrives that was there all along.",
    "A day that ends where it began, and is not the same.",
    "What is left when the crowd has gone home.",
)
_OPENINGS = (
    "Nothing moves. Then, far off, we see it for the first time.",
    "The sound comes first; the picture follows.",
    "We arrive late, as if it had begun without us.",
    "A long look at the empty place, before anything happens in it.",
)
_TURNS = (
    "We come closer than we should, and it does not mind.",
    "The light changes, and with it everything we took for granted.",
    "A pause. Someone out of frame takes a breath.",
    "The wind turns. What was behind is now ahead.",
    "A detail that we missed: small, bright, and a little out of place.",
    "The same view again, from the other side.",
    "For a moment it is hidden; when it is back, it has changed.",
    "Two things that never met share the frame.",
    "Everything goes quiet but one thing.",
    "We follow it downhill, faster than planned.",
)
_ENDINGS = (
    "We leave it where we found it. It looks larger now.",
    "The last light goes; a lamp comes on.",
    "It turns, as if to answer, and the picture holds.",
    "We look back once. That is enough.",
)
