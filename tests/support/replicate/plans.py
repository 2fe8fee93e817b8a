"""What happens to predictions with a certain prompt; everything else is accepted and goes well."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

#: instead of accepting, one for each POST
Refusal = Literal[
    "429",
    "429_plain",
    "422",
    "401",
    "402",
    "403",
    "403_poor",
    "404",
    "redirect",
    "422_wordy",
    "402_wordy",
]
#: after accepting, instead of the response, for the first POST
Loss = Literal["drop", "hang", "nginx_502", "500", "garbage", "gzip", "nameless"]
#: instead of a response to a question, one for each
Trouble = Literal["500", "nginx_502", "drop", "hang", "429", "401", "garbage", "strange"]
Outcome = Literal[
    "ok",
    "one",
    "named",
    "policy",
    "interrupted",
    "timed_out",
    "broken",
    "unread",
    "wordy",
    "invalid",
    "aborted",
    "garbage",
    "inline",
    "endless",
    "empty",
    "removed",
]
Media = Literal["good", "wrong_type", "huge", "flaky"]


class Plan(BaseModel):
    """How predictions with a prompt fare."""

    model_config = ConfigDict(extra="forbid")

    refusals: list[Refusal] = Field(default_factory=list)
    retry_after: str | None = "1"  #: with a 429
    loss: Loss | None = None
    queued: float = 0.0  #: seconds in `starting`
    seconds: float = 0.0  #: in `processing`
    hangs: bool = False  #: is processed for ever
    statuses: list[Trouble] = Field(default_factory=list)
    outcome: Outcome = "ok"
    output: Any = None  #: of what succeeded, as `responses.written` has it
    is_counted: bool = True  #: what failed counts the outputs that are paid for
    media: Media = "good"
    is_listed: bool = True
