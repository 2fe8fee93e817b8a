"""A project with something of everything, for views and their pictures."""

from tests.support.console_page import Requests

_PORTRAITS = {
    "captain": "a captain in a storm, charcoal",
    "daughter": "the keeper's daughter at the window",
    "doctor": "a village doctor, tintype",
}
_SHOTS = (
    "the lamp turns over a dark sea, wide",
    "gulls around the gallery, from below",
    "a boat without lights, long lens",
    "the stairs, seen from the top",
    "rain on the lantern glass, close",
)


def seed(requests: Requests) -> str:
    """
    Cast, portraits, shots, a film and a story; one shot failed, one is being made for long. It has a budget.

    Returns:
        The job that is being made.
    """
    for person in ("alice", "tomas"):
        requests.cast(person, f"{person}, keeper of the light", aspect_ratio="3:4")
    for number, (name, prompt) in enumerate(_PORTRAITS.items()):
        requests.submit(prompt, slot=f"portrait/{name}", parameters={"seconds": 0, "seed": number})
    for number, prompt in enumerate(_SHOTS, 1):
        parameters = {"seconds": 0, "seed": 40 + number, "price": 0.04}
        requests.submit(prompt, kind="shot", slot=f"shot/{number}", parameters=parameters)
    refused = {"seconds": 0, "fault": "policy"}
    requests.submit("the wreck", kind="shot", slot="shot/6", parameters=refused)
    long = {"seconds": 600, "steps": 900}
    running = requests.submit("dawn", kind="shot", slot="shot/7", parameters=long)
    film = {"seconds": 0, "price": 0.28}
    requests.submit("the lamp turns", kind="video", slot="video/opening", parameters=film)
    requests.submit("the night the lamp went out", kind="scenes", slot="story/one")
    for number, change in enumerate(("at dusk", "at dawn", "older, with a pipe")):
        requests.make(
            "a lighthouse keeper, oil on canvas",
            slot="portrait/keeper",
            edit_prompt=change,
            parameters={"seconds": 0, "seed": 90 + number, "price": 0.02},
        )
    requests.set_budget(day="1", month="10")
    return running
