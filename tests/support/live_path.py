"""The way between a page and the live service, on which a test changes or cuts what passes."""

import json
import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, WebSocketRoute

Frame = dict[str, Any]
_LIVE = re.compile(r"/v1/live$")


def unchanged(frame: Frame) -> Frame:
    return frame


class LivePath:
    """All live connections of a page from now on."""

    def __init__(self, page: Page) -> None:
        #: what becomes of each frame of the service, and of each one of the page
        self.to_page: Callable[[Frame], Frame] = unchanged
        self.to_service: Callable[[Frame], Frame] = unchanged
        self.sent: list[Frame] = []  #: what the page said
        self.told: list[Frame] = []  #: what the page was told
        self._subscribed = set[WebSocketRoute]()
        self._sockets: list[WebSocketRoute] = []
        page.route_web_socket(_LIVE, self._connect)

    @property
    def connections(self) -> int:
        return len(self._sockets)

    @property
    def subscribed(self) -> int:
        """Number of connections on which a subscription was confirmed."""
        return len(self._subscribed)

    def cut(self, code: int, reason: str = "") -> None:
        """End the last connection, as the service would."""
        self._sockets[-1].close(code=code, reason=reason)

    def _connect(self, socket: WebSocketRoute) -> None:
        service = socket.connect_to_server()
        self._sockets.append(socket)

        def on_page(message: str | bytes) -> None:
            frame = self.to_service(json.loads(message))
            self.sent.append(frame)
            service.send(json.dumps(frame))

        def on_service(message: str | bytes) -> None:
            frame = self.to_page(json.loads(message))
            self.told.append(frame)
            if frame["op"] == "subscribed":
                self._subscribed.add(socket)
            socket.send(json.dumps(frame))

        socket.on_message(on_page)
        service.on_message(on_service)
