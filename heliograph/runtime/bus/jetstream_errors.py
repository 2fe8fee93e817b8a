"""Errors of JetStream and nats-py, translated once."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import nats.errors

from heliograph.contracts.errors import BodyTooLarge, HeliographError, Unavailable

WRONG_LAST_SEQUENCE = frozenset({10071, 10164})  #: err_code of a lost compare
NO_ROOM = frozenset({10077, 10047, 10023})  #: err_code of a full stream or store
NO_LEADER = frozenset({10008, 10009})  #: err_code of a cluster that chooses a leader just now
NOT_FOUND = 404


class ApiError(Exception):
    """JetStream refused a request, with its own code."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(f"{error.get('description')} ({error.get('err_code')})")
        self.code: int = error.get("code", 500)
        self.err_code: int = error.get("err_code", 0)


class NoResponder(Exception):
    """A subject has no subscriber."""


@contextmanager
def translated() -> Iterator[None]:
    """Whatever the connection cannot do right now is `Unavailable`, what it never can is not."""
    try:
        yield
    except Exception as error:
        if meaning := translation(error):
            raise meaning from error
        raise


def translation(error: BaseException) -> HeliographError | None:
    """The translation of an existing error; None: it is not an error of the connection."""
    if isinstance(error, nats.errors.MaxPayloadError):
        return BodyTooLarge("it does not fit into a message")
    if isinstance(error, nats.errors.Error | TimeoutError | ConnectionError):
        return Unavailable(f"NATS does not answer: {error}")
    return None
