"""Errors of requests to providers: not sent, sent without a response, or refused."""

import httpx


class ConnectFailed(Exception):
    """The request did not leave: there was no connection."""


class ResponseLost(Exception):
    """The request may have arrived, and there is no response that can be read."""


class MalformedResponse(ResponseLost):
    """The response is too large or has an unknown encoding; the provider sends no other one."""


class HttpErrorStatus(Exception):
    """The service responded with an error status."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__(f"it answered {response.status_code}")
        self.response = response
