"""Actions as sentences."""

from tests.simulation.actions import Action
from tests.simulation.state import State

_SENTENCES = {
    "wake": "{0} wakes up",
    "deliver": "the {0} message of {1} is delivered",
    "dispatch": "the dispatcher looks at {0}",
    "give up": "the dispatcher looks at those that {0} waits for",
    "put back": "the reaper looks at {0}",
    "complete": "status looks for what is in budget records only, and finds {0}",
    "search": "render looks for the request of {0}",
    "expire": "the reaper looks at the deadline of {0}",
    "recover": "render looks for answers that nobody has in hand",
    "free": "the reaper looks at the account",
    "provider": "at the provider, {0} becomes {1}",
    "tick": "{0} seconds pass",
    "send": "a client sends request {0}",
    "resend": "a client sends request {0} again",
    "cancel": "a client cancels {0}",
    "detach": "a client detaches {0}",
    "retry": "a client retries {0} from {1}",
    "retry again": "a client sends retry {2} of {0} again",
    "crash": "{0} crashes",
    "drain": "{0} is told to let go",
    "freeze": "{0} freezes",
    "freeze afterwards": "{0} freezes after its act",
    "outage": "{0} finds nobody there",
    "outage afterwards": "{0} does its act, and hears nothing of it",
    "full": "{0} finds no room",
    "bug": "{0} breaks",
    "lose ack": "the server forgets that the {0} message of {1} is done with",
    "hurry": "a dispatcher does not know that {0} waits for others",
    "half a move": "the server forgets that {0} left the queue",
    "trim": "the janitor trims {0}",
    "compact": "the janitor compacts {0}",
}


def in_words(state: State, action: Action) -> str:
    """What is about to happen."""
    name, *about = action
    if name != "step":
        return _SENTENCES[name].format(*about)
    process, outcome = about
    act = state.processes[process].act
    assert act
    labels = [state.label(each) for each in act.about]
    return f"{process}: {' '.join([act.name, *labels])}{f' -> {outcome}' if outcome else ''}"


def consequences(state: State) -> str:
    """What is news."""
    events = [f"{state.label(w.entry.body.id)} {w.entry.event.name}" for w in state.news.written]
    responses = [
        f"answer to {a.key}: {a.status} {state.label(a.job)}" for a in state.news.responses
    ]
    wants = "; ".join([*events, *responses])
    return f"  => {wants}" if wants else ""
