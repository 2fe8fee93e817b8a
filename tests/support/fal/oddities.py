"""Responses that no documentation promises: what servers, proxies and bugs have been seen to send."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.responses import Response, StreamingResponse

Good = dict[str, Any]  #: the response that should have come

_MIB = 2**20
_INSIDE = "http://169.254.169.254/latest/meta-data"


def _json(content: Any, status: int = 200, **headers: str) -> Response:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(json.dumps(content), status, names, "application/json")


def _raw(content: bytes, status: int = 200, **headers: str) -> Response:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(content, status, names, "application/json")


async def _drip() -> AsyncIterator[bytes]:
    while True:
        yield b" "
        await asyncio.sleep(0.05)


async def _flood() -> AsyncIterator[bytes]:
    for _ in range(64):
        yield b"[" * _MIB


#: bodies that are wrong wherever they come
_ANYWHERE: dict[str, Callable[[Good], Response]] = {
    "nothing": lambda _: _raw(b""),
    "no content": lambda _: Response(status_code=204),
    "null": lambda _: _raw(b"null"),
    "a list": lambda _: _raw(b"[]"),
    "a text": lambda _: _raw(b'"ok"'),
    "a number": lambda _: _raw(b"-0"),
    "a page": lambda _: Response("<html>welcome</html>", media_type="text/html"),
    "broken text": lambda _: _raw(b'{"status": "\xff\xfe"}'),
    "no number": lambda _: _raw(b'{"status": NaN}'),
    "half an answer": lambda good: _raw(json.dumps(good).encode()[:-9]),
    "nested without end": lambda _: _raw(b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "a flood": lambda _: StreamingResponse(_flood(), media_type="application/json"),
    "a drip": lambda _: StreamingResponse(_drip(), media_type="application/json"),
    "a bomb": lambda _: _raw(gzip.compress(b" " * 32 * _MIB), Content_Encoding="gzip"),
    "an unknown coding": lambda good: _json(good, Content_Encoding="br"),
    "a redirect inside": lambda _: Response(status_code=302, headers={"Location": _INSIDE}),
    "a bad gateway": lambda _: Response("<center>nginx</center>", 502),
    "an unknown status": lambda _: Response("no idea", 599),
}

_ACCEPTED: dict[str, Callable[[Good], Response]] = {
    "no id": lambda good: _json({k: v for k, v in good.items() if k != "request_id"}),
    "an id that is null": lambda good: _json(good | {"request_id": None}),
    "an id that is a number": lambda good: _json(good | {"request_id": 7.5}),
    "an id that is a list": lambda good: _json(good | {"request_id": []}),
    "an id that leads elsewhere": lambda good: _json(good | {"request_id": "../../x"}),
    "an id without end": lambda good: _json(good | {"request_id": "x" * 100_000}),
    "an id of another line": lambda good: _json(good | {"request_id": "a\r\nHost: b"}),
    "no addresses": lambda good: _json({"request_id": good["request_id"]}),
}

_STATUS: dict[str, Callable[[Good], Response]] = {
    "no status": lambda _: _json({}),
    "a status that is new": lambda _: _json({"status": "FAILED"}),
    "a status that is null": lambda _: _json({"status": None}),
    "no position": lambda _: _json({"status": "IN_QUEUE"}),
    "logs that are missing": lambda _: _json({"status": "IN_PROGRESS"}),
    "a status that is an object": lambda _: _json({"status": {}}),
}

#: statuses that are odd, and can be lived with
MILD: dict[str, Callable[[Good], Response]] = {
    "a position that is text": lambda _: _json({"status": "IN_QUEUE", "queue_position": "soon"}),
    "a position below zero": lambda _: _json({"status": "IN_QUEUE", "queue_position": -3}),
    "back in the queue": lambda _: _json({"status": "IN_QUEUE", "queue_position": 9}),
    "logs that are text": lambda _: _json({"status": "IN_PROGRESS", "logs": "working"}),
    "logs of anything": lambda _: _json(
        {"status": "IN_PROGRESS", "logs": [None, 1, {}, {"timestamp": "x", "message": []}]}
    ),
    "logs of half a letter": lambda _: _raw(
        b'{"status": "IN_PROGRESS", "logs":'
        b' [{"timestamp": "2030-01-01T00:00:00Z", "message": "\\ud800"}]}'
    ),
    "logs without end": lambda _: _json(
        {
            "status": "IN_PROGRESS",
            "logs": [
                {"timestamp": f"2030-01-01T00:{n // 60:02}:{n % 60:02}Z", "message": "x" * 900}
                for n in range(3_600)
            ],
        }
    ),
}


def _images(value: Any) -> Callable[[Good], Response]:
    return lambda _: _json({"images": value}, X_Fal_Billable_Units="1")


def _detail(value: Any, status: int = 422) -> Callable[[Good], Response]:
    return lambda _: _json({"detail": value}, status, X_Fal_Request_Id="r")


_RESULT: dict[str, Callable[[Good], Response]] = {
    "no images": lambda _: _json({}),
    "images that are null": _images(None),
    "images that are text": _images("https://v3.fal.media/a.png"),
    "images that are a number": _images(4),
    "images of nothing": _images([None]),
    "images of text": _images(["https://v3.fal.media/a.png"]),
    "an image without an address": _images([{"content_type": "image/png"}]),
    "an address that is a number": _images([{"url": 4}]),
    "an address of a file": _images([{"url": "file:///etc/passwd"}]),
    "an address of a script": _images([{"url": "javascript:alert(1)"}]),
    "an address that is data": _images([{"url": "data:image/png;base64,AAAA"}]),
    "an address on another way": _images([{"url": "ftp://v3.fal.media/a.png"}]),
    "an address that is empty": _images([{"url": ""}]),
    "an address without end": _images([{"url": f"https://v3.fal.media/{'a' * 2**21}"}]),
    "a detail that is null": _detail(None),
    "a detail that is a number": _detail(4),
    "a detail that is an object": _detail({"msg": "x"}),
    "a detail of nothing": _detail([]),
    "a detail of numbers": _detail([1, 2, 3]),
    "a detail of lists": _detail([[[]]]),
    "a detail without words": _detail([{"loc": None, "msg": None, "type": None}]),
    "a place that is no list": _detail([{"loc": 7, "msg": "x", "type": "y"}]),
    "a detail without end": _detail([{"loc": ["body", "a" * 500], "msg": "m" * 500}] * 4_000),
    "a type without end": _detail([{"loc": ["body"], "msg": "m", "type": "t" * 2**21}]),
    "an error's type without end": lambda _: _json(
        {"detail": "d" * 2**21, "error_type": "t" * 2**21}, 422, X_Fal_Request_Id="r"
    ),
    "an error's type that is a list": lambda _: _json(
        {"detail": "no", "error_type": ["t"]}, 422, X_Fal_Request_Id="r"
    ),
    "half a letter": lambda _: _raw(b'{"detail": "no \\ud800"}', 422, X_Fal_Request_Id="r"),
    "a teapot": _detail("short and stout", 418),
    "for legal reasons": _detail("no", 451),
    "an error without a reason": _detail(None, 500),
}

ODDITIES = {**_ANYWHERE, **_ACCEPTED, **_STATUS, **MILD, **_RESULT}
OF_SUBMISSIONS = [*_ANYWHERE, *_ACCEPTED]
OF_STATUSES = [*_ANYWHERE, *_STATUS]
OF_RESULTS = [*_ANYWHERE, *_RESULT]


def odd(name: str, good: Good) -> Response:
    """The response of that name, in place of a good one."""
    return ODDITIES[name](good)
