"""Events of an event stream: frames with the id that a client comes back with. Pure."""

import re

from sse_starlette import ServerSentEvent

from heliograph.contracts.live_frames import Cursor

LINE_END = "\n"


#: How every frame begins: what it is, whose, and for most of them where it stands.
_FRAME = re.compile(r'\{"op":"(\w+)","id":\w+(?:,"sequence":(\d+))?')
_WHOLE = ("event", "caught_up")
_LAST_EVENT_ID = re.compile(r"([^\s-][^\s]{0,63})-(\d{1,18})")  #: `<epoch>-<sequence>`


def cursor_of(last_event_id: str) -> Cursor | None:
    """Cursor of a client's `Last-Event-ID`. Without a valid one it starts over."""
    match = _LAST_EVENT_ID.fullmatch(last_event_id)
    return Cursor(epoch=match[1], sequence=int(match[2])) if match else None


def as_event(frame: str, epoch: str) -> ServerSentEvent:
    """A frame as an event; it has an id if a client that saw it has seen everything up to there."""
    match = _FRAME.match(frame)
    assert match, frame
    op, sequence = match[1], match[2]
    is_whole = op in _WHOLE or (op == "snapshot" and frame.endswith('"more":false}'))
    name = f"{epoch}-{sequence}" if is_whole and sequence else None
    return ServerSentEvent(data=frame, event=op, id=name, sep=LINE_END)
