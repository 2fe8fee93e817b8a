"""
Forks of the image worker: files are opened in them with little memory and little time, so a
decompression bomb ends only its fork.

Memory of a new fork is copied and cleared page by page, which takes a seventh of the time of a small picture.
So a fork opens small pictures of one project one after the other, for a second of processor time at most.
"""

import json
import os
import resource
import socket
from collections.abc import Callable
from contextlib import suppress
from io import BufferedRWPair
from typing import Any, NamedTuple, NoReturn

Request = dict[str, Any]
Result = dict[str, Any]

_MEMORY = 1280 * 1024 * 1024  #: bytes of address space; a WebP of 64 Mpx takes four times 256 MiB
_SECONDS = 10  #: of CPU
_REUSED_SECONDS = 1.0  #: of CPU, after which a fork opens no other picture
_REUSED_KIB = 128 * 1024  #: of memory, likewise


class PictureForks:
    """
    One fork at a time.

    Args:
        open_file: What a fork does with a request. Its result has `error` if the file cannot be opened.
    """

    def __init__(self, open_file: Callable[[Request], Result]) -> None:
        self._open_file = open_file
        self._fork: _Fork | None = None

    def result(self, request: Request) -> Result:
        """The result of a request. A file that ends a used fork is opened once more in a new fork."""
        use = _Use.of(request)
        if self._fork and self._fork.use != use:
            self.end()
        if self._fork and (result := self._ask(self._fork, request)):
            return result
        result = self._ask(_Fork(use, self._open_file), request)
        return result or {"error": "the picture could not be opened within bounds"}

    def end(self) -> None:
        """End the fork that waits for another picture, and give back its memory."""
        if self._fork:
            self._fork.end()
        self._fork = None

    def _ask(self, fork: "_Fork", request: Request) -> Result | None:
        self._fork = fork
        response = fork.response(request)
        if response is None or response.is_last:
            self.end()
        return response and response.result


class _Use(NamedTuple):
    """Requests that one fork may serve: those of one project, with one priority, for one type of file."""

    project: str
    nice: int
    film: str | None

    @classmethod
    def of(cls, request: Request) -> "_Use":
        return cls(request["project"], request["nice"], request.get("film"))


class _Response(NamedTuple):
    result: Result
    is_last: bool  #: the fork ends


class _Fork:
    def __init__(self, use: _Use, open_file: Callable[[Request], Result]) -> None:
        self.use = use
        self._socket, theirs = socket.socketpair()
        self._pid = os.fork()
        if not self._pid:
            self._socket.close()
            _serve(theirs, use, open_file)
        theirs.close()
        self._stream = self._socket.makefile("rwb")

    def response(self, request: Request) -> _Response | None:
        """None: it died."""
        try:
            _write(self._stream, request)
            line = self._stream.readline()
        except ConnectionError:
            return None
        return _Response(*json.loads(line)) if line else None

    def end(self) -> None:
        self._socket.close()
        with suppress(ConnectionError):
            self._stream.close()
        os.waitpid(self._pid, 0)


def _serve(
    connection: socket.socket, use: _Use, open_file: Callable[[Request], Result]
) -> NoReturn:
    """Respond to requests until there are no more, or the fork may open no other file."""
    try:
        niceness = os.nice(use.nice)
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
        with connection.makefile("rwb") as stream:
            for line in stream:
                result = open_file(json.loads(line))
                is_last = "error" in result or _is_worn(niceness)
                _write(stream, _Response(result, is_last))
                if is_last:
                    break
    finally:
        os._exit(0)


def _is_worn(niceness: int) -> bool:
    """The fork has used much time or memory, or has a lower priority after a large picture."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    seconds = usage.ru_utime + usage.ru_stime
    return seconds > _REUSED_SECONDS or usage.ru_maxrss > _REUSED_KIB or os.nice(0) != niceness


def _write(stream: BufferedRWPair, message: Any) -> None:
    stream.write(json.dumps(message).encode() + b"\n")
    stream.flush()
