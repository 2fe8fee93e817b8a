"""What happens to requests with a certain prompt; everything else is accepted and goes well."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

#: instead of accepting, one for each POST
Refusal = Literal["429", "504_user", "422", "401", "402", "403_locked", "404", "redirect"]
#: after accepting, instead of the response, for the first POST
Loss = Literal["drop", "hang", "nginx_502", "500", "garbage", "gzip", "foreign_urls"]
#: instead of a response to a question, one for each
Trouble = Literal[
    "500", "nginx_502", "drop", "hang", "429", "401", "in_progress", "nonsense", "404"
]
Outcome = Literal[
    "ok",
    "policy",
    "validation",
    "no_media",
    "runner_disconnected",
    "internal_server_error",
    "generation_timeout",
    "start_timeout",
    "not_retryable",
    "garbage",
    "nan",
    "huge",
    "empty",
]
Media = Literal["good", "wrong_type", "huge", "flaky"]


class Plan(BaseModel):
    """How requests with a prompt fare."""

    model_config = ConfigDict(extra="forbid")

    refusals: list[Refusal] = Field(default_factory=list)
    retry_after: str | None = "1"  #: with a 429
    loss: Loss | None = None
    queued: float = 0.0  #: seconds at least in the queue
    seconds: float = 0.0  #: of rendering
    hangs: bool = False  #: renders for ever
    logs: int = 4  #: lines written while rendering
    window: int = 3  #: lines shown at once
    statuses: list[Trouble] = Field(default_factory=list)
    results: list[Trouble] = Field(default_factory=list)
    cancels: list[Trouble] = Field(default_factory=list)
    outcome: Outcome = "ok"
    finishes_anyway: bool = False  #: a cancel comes too late to stop it
    forgets_canceled: bool = False  #: 404 after a cancel, instead of an error
    #: at each of these questions a response of `oddities`, `odd_times` in all
    odd: dict[Literal["submit", "status", "result"], str] = Field(default_factory=dict)
    odd_times: int = 1_000_000
    response_body: Any = None  #: the body of a good result, as `responses.written` has it
    surplus: int = 0  #: outputs beyond those that were asked for
    media: Media = "good"
    is_listed: bool = True  #: in the list of requests, once it left the queue
    keeps_payloads: bool = True  #: the list says what the request was about

    def oddity(self, where: Literal["submit", "status", "result"]) -> str | None:
        """The odd response that is due there, if any."""
        if where not in self.odd or not self.odd_times:
            return None
        self.odd_times -= 1
        return self.odd[where]
