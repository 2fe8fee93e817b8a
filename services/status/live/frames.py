"""Frames of the live protocol as text, see `live_frames` of the contracts."""

from typing import Any

from heliograph.runtime.job_view import as_json
from services.status.live.event_frames import Frame


def frame_text(op: str, id_: int | None, **content: Any) -> str:
    """Any frame but an event's."""
    return as_json({"op": op, "id": id_, **content}).decode()


def event_text(id_: int, frame: Frame) -> str:
    """An event; its job was made into JSON once, for all clients."""
    return (
        f'{{"op":"event","id":{id_},"sequence":{frame.sequence},'
        f'"type":"{frame.type}","job":{frame.text}}}'
    )


def error_text(id_: int | None, problem: dict[str, Any]) -> str:
    """The error of one frame of the client."""
    return frame_text("error", id_, problem=problem)
