"""Errors of requests to providers: not sent, sent without an answer, or refused."""

import httpx


class ConnectFailed(Exception):
    """The request did not leave: there was no connection."""


class ResponseLost(Exception):
    """The request may have arrived, and there is no answer that can be read."""


class MalformedResponse(ResponseLost):
    """The response is too large or has an unknown encoding; the provider sends no other one."""


class HttpErrorStatus(Exception):
    """The service answered, and did not do it."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__(f"it answered {answer.status_code}")
        self.answer = answer
