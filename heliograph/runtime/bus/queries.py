"""Requests to other services over the bus, and the problems that they answer with."""

from pydantic import BaseModel

from heliograph.contracts.errors import HeliographError
from heliograph.contracts.problems import Problem
from heliograph.contracts.queries.errors import ErrorReply
from heliograph.runtime.bus.jetstream import JetStream

REQUEST_TIMEOUT = 5.0  #: seconds for a list


class RemoteProblem(HeliographError):
    """Another service refused a question; its problem is the answer."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self._problem = problem
        self.status = problem.status  # type: ignore[misc]  # of this one answer

    def problem(self, *, instance: str | None = None, trace_id: str | None = None) -> Problem:
        return self._problem.model_copy(update={"instance": instance, "trace_id": trace_id})


async def request_reply(
    jetstream: JetStream, subject: str, question: BaseModel, *, timeout: float = REQUEST_TIMEOUT
) -> bytes:
    """
    A question to the read model. `timeout` is seconds.

    Raises:
        AnsweredBadly: It was refused.
        Unavailable: Nobody answers.
    """
    body = question.model_dump_json().encode()
    answer = await jetstream.request(subject, body, timeout=timeout)
    if answer.startswith(b'{"problem"'):
        raise RemoteProblem(ErrorReply.model_validate_json(answer).problem)
    return answer
