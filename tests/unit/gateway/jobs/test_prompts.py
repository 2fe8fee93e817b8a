"""A prompt that says nothing makes no new job."""

import pytest

from heliograph.contracts.attempts import Takeover
from heliograph.contracts.errors import ValidationFailed
from services.gateway.jobs.prompts import check_prompts, is_blank
from tests.support.records import a_record

BLANK = [" ", "\n\t ", "\u00a0", "\u2003\u3000", "\u200b", "\ufeff", "\u202e \u2060"]


@pytest.mark.parametrize("prompt", BLANK, ids=ascii)
def test_a_prompt_of_white_space_is_refused_with_a_way_on(prompt: str) -> None:
    record = a_record(prompt=prompt, slot="portrait/keeper")

    with pytest.raises(ValidationFailed) as error:
        check_prompts(record)

    [mistake], [action] = error.value.errors, error.value.next_actions
    assert mistake.pointer == "/prompt"
    assert action.patch == {"prompt": "portrait/keeper"}
    check_prompts(record.model_copy(update=action.patch))


def test_both_prompts_are_pointed_at() -> None:
    record = a_record(prompt=" ", edit_prompt="\n")

    with pytest.raises(ValidationFailed) as error:
        check_prompts(record, changes={"edit_prompt": "\n"})

    assert [each.pointer for each in error.value.errors] == ["/prompt", "/changes/edit_prompt"]
    [action] = error.value.next_actions
    assert action.patch
    check_prompts(record.model_copy(update=action.patch))


@pytest.mark.parametrize("prompt", ["x", " x ", "\U0001f468\u200d\U0001f469", "。", "-"])
def test_whatever_can_be_seen_is_a_prompt(prompt: str) -> None:
    assert not is_blank(prompt)


def test_a_retry_that_fetches_what_there_is_needs_no_prompt() -> None:
    old = a_record(prompt=" ")
    takeover = Takeover(job=old.id, account="sim", endpoint="picture", request_id="r", outputs=[])
    internal = old.internal.model_copy(update={"takeover": takeover})

    check_prompts(old.model_copy(update={"internal": internal}))
