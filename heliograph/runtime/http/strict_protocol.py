"""
Strict HTTP protocol: request parsing by httptools, with bounded heads, one request at a time, nothing lenient.

uvicorn's protocol on httptools takes headers without end, parses all pipelined requests before the first is
answered, adds trailers to the headers, and loses the body of a request that offers an upgrade. Here the bytes
are given to the parser in pieces that end where a head or a body ends.
"""

import re
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade
from uvicorn._types import (
    ASGI3Application,
    ASGIReceiveCallable,
    ASGISendCallable,
    ASGISendEvent,
    Scope,
)
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

#: bytes of a request line and headers, of the extensions of a chunk, or of trailers
MAX_HEAD = 16 * 1024

_END = b"\r\n\r\n"  # of a head, and of a chunked body
# a target is a path: a proxy and we could read another form differently
_REQUEST_LINE = re.compile(rb"[A-Z][A-Z-]* /[!-\"$-~]* HTTP/1\.[01]\r\n")
# RFC 9110 allows to ignore them. The parser takes whatever follows such a head for the other protocol
_OTHER_UPGRADE = re.compile(
    rb"\r\nUpgrade:(?![ \t]*websocket[ \t]*\r\n)[\t -~\x80-\xff]*(?=\r\n)", re.IGNORECASE
)

_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:;[^\r\n]*)?\r\n")
_BEGUN_SIZE_LINE = re.compile(rb"[0-9A-Fa-f]{0,16}(?:;[^\r\n]*)?\r?\Z")


class StrictHttpProtocol(HttpToolsProtocol):
    """
    HTTP/1.1 and 1.0 as uvicorn serves it, from httptools.

    Requests that two parsers might read differently are answered with 400, heads of more than `MAX_HEAD` bytes with
    431, and the connection is closed.
    """

    def __init__(self, **uvicorn: Any) -> None:
        super().__init__(**uvicorn)
        # uvicorn wants it to respond to a request that others follow; here they are not parsed before the response
        self.parser.set_dangerous_leniencies(lenient_data_after_close=False)
        self._unparsed = b""
        self._is_whole = True  # the last request has been read to its end
        self._has_head = False
        self._body_left: int | None = 0  # bytes; null: the body is chunked
        self._chunk_left = 0  # bytes of the chunk in hand, with the end of its line

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        self._parse(self._unparsed + data if self._unparsed else data)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._unparsed and not self.transport.is_closing():
            self._unset_keepalive_if_required()
            self._parse(self._unparsed)

    def _parse(self, data: bytes) -> None:
        """Parse up to the end of a request without a response so far; what follows it waits."""
        self._unparsed = b""
        position = 0
        try:
            while position < len(data):
                if self._is_whole and self._is_response_due():
                    self.flow.pause_reading()
                    break
                end = self._end_of_piece(data, position)
                if end is None:
                    break
                self._feed(data, position, end)
                position = end
        except HttpParserError:
            self._refuse(400, b"Invalid HTTP request received.")
        except _HeadTooLarge:
            self._refuse(431, b"Request header fields too large.")
        except HttpParserUpgrade:
            self._upgrade()
        else:
            self._unparsed = data[position:]

    def _is_response_due(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _end_of_piece(self, data: bytes, position: int) -> int | None:
        """Where the next piece for the parser ends; null: its end has not come yet."""
        if self._is_whole:
            return _end_of_head(data, position)
        if self._body_left is not None:
            return min(len(data), position + self._body_left)
        return self._end_of_chunks(data, position)

    def _end_of_chunks(self, data: bytes, position: int) -> int | None:
        """
        Where the body ends, or what there is of it; null: the line of a size, or the trailers, are not complete.

        Chunks are stepped over: their bytes may look like the end of a body by the thousand.
        """
        start = position
        while position < len(data):
            if self._chunk_left:
                step = min(self._chunk_left, len(data) - position)
                self._chunk_left -= step
                position += step
            elif (line := _size_line(data, position)) is None:
                break
            elif size := int(line[1], 16):
                self._chunk_left = size + len(b"\r\n")
                position = line.end()
            else:
                end = data.find(_END, line.end() - len(b"\r\n"))
                _check_framing((end if end >= 0 else len(data)) - line.end())
                if end < 0:
                    break
                return end + len(_END)
        return position if position > start else None

    def _feed(self, data: bytes, position: int, end: int) -> None:
        if self._is_whole:
            head = data[position:end]
            if not _REQUEST_LINE.match(head):
                raise HttpParserError("request line")
            self._has_head = False
            self.parser.feed_data(_OTHER_UPGRADE.sub(b"", head))
            if not self._has_head:
                raise HttpParserError("head")
        else:
            if self._body_left is not None:
                self._body_left -= end - position
            self.parser.feed_data(memoryview(data)[position:end])

    def on_message_begin(self) -> None:
        if not self._is_whole or self._is_response_due():
            raise HttpParserError("a request within another one")
        super().on_message_begin()
        self._is_whole = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._has_head:  # trailers are dropped, as RFC 9110 allows
            super().on_header(name, value.strip(b" \t"))

    def on_headers_complete(self) -> None:
        self._body_left = self._announced_length()
        self._chunk_left = 0
        super().on_headers_complete()
        self._has_head = True

    def _announced_length(self) -> int | None:
        """Bytes of the body; null: it is chunked. Raises HttpParserError where headers leave room for doubt."""
        names = [name for name, _ in self.headers]
        is_old = self.parser.get_http_version() == "1.0"
        if names.count(b"host") != 1 and not (is_old and b"host" not in names):
            raise HttpParserError("Host")
        if b"transfer-encoding" in names:
            codings = [
                value.lower() for name, value in self.headers if name == b"transfer-encoding"
            ]
            if is_old or codings != [b"chunked"] or b"content-length" in names:
                raise HttpParserError("Transfer-Encoding")
            return None
        lengths = [int(value) for name, value in self.headers if name == b"content-length"]
        return lengths[0] if lengths else 0

    def on_message_complete(self) -> None:
        self._is_whole = True
        super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        if cycle.scope["http_version"] == "1.0":
            app = _without_chunks(app, cycle)
        super()._start_asgi_task(cycle, app)

    def _upgrade(self) -> None:
        if self._should_upgrade():
            self.handle_websocket_upgrade()
        else:
            self._refuse(400, b"Invalid HTTP request received.")

    def _refuse(self, status: int, text: bytes) -> None:
        """Respond, unless the request has a response or may have the beginning of one, and close."""
        self.logger.warning(text.decode())
        is_in_hand = self._is_response_due()
        if is_in_hand:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if (
            self._is_whole
            or (not self._has_head)
            or (is_in_hand and not self.cycle.response_started)
        ):
            head = b"content-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
            self.transport.write(STATUS_LINE[status] + head % len(text) + text)
        self.transport.close()


class _HeadTooLarge(Exception):
    """A head has more than `MAX_HEAD` bytes."""


def _end_of_head(data: bytes, position: int) -> int | None:
    """Raises HttpParserError for what will never be a head, before its end has come."""
    end = data.find(_END, position)
    if (end if end >= 0 else len(data)) - position > MAX_HEAD:
        raise _HeadTooLarge
    if end >= 0:
        return end + len(_END)
    begun = data[position:]
    if not begun[:1].isalpha() or begun.count(b"\n") != begun.count(b"\r\n"):
        raise HttpParserError("no head")
    return None


def _size_line(data: bytes, position: int) -> re.Match[bytes] | None:
    """The line that begins a chunk; null: its end has not come yet. Raises HttpParserError for another one."""
    if (line := _SIZE_LINE.match(data, position)) is None:
        if not _BEGUN_SIZE_LINE.match(data, position):
            raise HttpParserError("size of a chunk")
        _check_framing(len(data) - position)
        return None
    _check_framing(line.end() - position)
    return line


def _check_framing(size: int) -> None:
    if size > MAX_HEAD:
        raise HttpParserError("chunk extensions or trailers")


def _without_chunks(app: ASGI3Application, cycle: RequestResponseCycle) -> ASGI3Application:
    """A client of HTTP/1.0 knows no chunks: a body of unknown length ends with the connection."""

    async def call(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        is_unbounded = False

        async def send_plainly(message: ASGISendEvent) -> None:
            nonlocal is_unbounded
            if message["type"] == "http.response.start":
                names = {name.lower() for name, _ in message.get("headers", [])}
                is_unbounded = b"content-length" not in names
                cycle.chunked_encoding = False if is_unbounded else None
            elif message["type"] == "http.response.body" and is_unbounded:
                cycle.expected_content_length = len(message.get("body", b""))
            await send(message)

        await app(scope, receive, send_plainly)

    return call
