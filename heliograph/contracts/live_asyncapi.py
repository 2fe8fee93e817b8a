"""The live protocol as AsyncAPI 3.0 describes it: a WebSocket, and the frames on it."""

from typing import Any, get_args

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from heliograph.contracts.live_frames import SUBPROTOCOL, ClientFrame, ServerFrame

VERSION = "1.0.0"  #: of the contract, not of the program

_SCHEMAS = "#/components/schemas/{model}"

Document = dict[str, Any]


def live_asyncapi(host: str, *, secure: bool) -> Document:
    """
    The document.

    Args:
        host: Host and port of status, as `127.0.0.1:8081`.
    """
    server_frames, client_frames = _frames_of(ServerFrame), _frames_of(ClientFrame)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Heliograph live",
            "version": VERSION,
            "description": (
                "Follow jobs: subscribe to a project with the last sequence received, and receive "
                "every event after it, once and in order, or a snapshot if there are too many."
            ),
        },
        "defaultContentType": "application/json",
        "servers": {"status": {"host": host, "protocol": "wss" if secure else "ws"}},
        "channels": {
            "live": {
                "address": "/v1/live",
                "description": f"WebSocket, subprotocol `{SUBPROTOCOL}`; each frame is a JSON text",
                "messages": {
                    name: {"$ref": f"#/components/messages/{name}"}
                    for name in server_frames | client_frames
                },
            }
        },
        "operations": {
            "hear": _operation("receive", "What a client says", client_frames),
            "tell": _operation("send", "What a client hears", server_frames),
        },
        "components": {
            "messages": {
                name: _message(frame) for name, frame in (server_frames | client_frames).items()
            },
            "schemas": _schemas(server_frames, "serialization")
            | _schemas(client_frames, "validation"),
        },
    }


def _frames_of(union: Any) -> dict[str, type[BaseModel]]:
    return {frame.__name__: frame for frame in get_args(get_args(union)[0])}


def _operation(action: str, summary: str, frames: dict[str, type[BaseModel]]) -> Document:
    return {
        "action": action,
        "channel": {"$ref": "#/channels/live"},
        "summary": summary,
        "messages": [{"$ref": f"#/channels/live/messages/{name}"} for name in frames],
    }


def _message(frame: type[BaseModel]) -> Document:
    return {
        "title": (frame.__doc__ or "").strip(),
        "payload": {"$ref": _SCHEMAS.format(model=frame.__name__)},
    }


def _schemas(frames: dict[str, type[BaseModel]], mode: Any) -> Document:
    _, document = models_json_schema(
        [(frame, mode) for frame in frames.values()], ref_template=_SCHEMAS
    )
    schemas: Document = document["$defs"]
    return schemas
