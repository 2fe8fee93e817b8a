"""Replies that fit into a message: pages are cut and marked as incomplete. Pure."""

from collections.abc import Sequence

from pydantic import BaseModel

from heliograph.contracts.queries.slots import SlotHistory, SlotPage, SlotState


def truncate_page(page: SlotPage, limit: int) -> SlotPage:
    """The first slots that fit into a message; a slot that is too large alone is cut."""
    states = [truncate_state(state, limit) for state in page.items]
    kept = fit_in_message(states, limit)
    following = page.next if kept == len(states) else states[kept - 1].slot
    return page.model_copy(update={"items": states[:kept], "next": following})


def truncate_history(history: SlotHistory, limit: int) -> SlotHistory:
    """The first versions that fit into a message beside the slot; at least one."""
    state, versions = history.state, history.versions
    if state:
        state = truncate_state(state, limit - sum(len(as_json(each)) for each in versions[:1]))
        limit -= len(as_json(state))
    kept = fit_in_message(versions, limit)
    following = history.next if kept == len(versions) else versions[kept - 1].number
    changes = {"state": state, "versions": versions[:kept], "next": following}
    return history.model_copy(update=changes)


def truncate_state(state: SlotState, limit: int) -> SlotState:
    """A slot with as many of its failures, the newest, as fit in so many bytes beside the rest."""
    if len(as_json(state)) <= limit:
        return state
    rest = state.model_copy(update={"failures": []})
    kept = fit_in_message(state.failures, limit - len(as_json(rest)), least=0)
    return rest.model_copy(update={"failures": state.failures[:kept]})


def fit_in_message(items: Sequence[BaseModel], limit: int, *, least: int = 1) -> int:
    """Number of first items that fit into `limit` bytes of JSON; at least `least`."""
    size = 0
    for count, item in enumerate(items):
        size += len(as_json(item)) + 1
        if count >= least and size > limit:
            return count
    return len(items)


def as_json(message: BaseModel) -> bytes:
    """A message as it travels."""
    return message.model_dump_json().encode()
