"""A proxy of an S3 server that can refuse requests, as after a key was rotated."""

import http.client
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit


class RefusingStore:
    """Passes requests on as they are, so that their signatures hold."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.url = ""  #: of the proxy
        self.refusal: int | None = None  #: status of every `refuses` of an object
        self.refuses = "GET"
        self.refused: list[str] = []  #: paths
        self.asked: list[str] = []  #: methods of the requests for objects

    def respond(self, request: http.server.BaseHTTPRequestHandler) -> None:
        path = urlsplit(request.path).path
        if path.count("/") > 2:
            self.asked.append(request.command)
        if self.refusal and request.command == self.refuses and path.count("/") > 2:
            request.rfile.read(int(request.headers.get("Content-Length") or 0))
            self.refused.append(path)
            request.send_response(self.refusal)
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        self._pass_on(request)

    def _pass_on(self, request: http.server.BaseHTTPRequestHandler) -> None:
        length = int(request.headers.get("Content-Length") or 0)
        there = http.client.HTTPConnection(urlsplit(self.endpoint).netloc, timeout=30)
        there.putrequest(request.command, request.path, skip_host=True, skip_accept_encoding=True)
        for name, value in request.headers.items():
            there.putheader(name, value)
        there.endheaders(request.rfile.read(length))
        response = there.getresponse()
        body = response.read()
        request.send_response(response.status)
        for name, value in response.getheaders():
            if name.lower() not in ("transfer-encoding", "content-length", "connection"):
                request.send_header(name, value)
        announced = response.getheader("Content-Length") if request.command == "HEAD" else None
        request.send_header("Content-Length", announced or str(len(body)))
        request.end_headers()
        request.wfile.write(body)
        there.close()


@contextmanager
def refusing_store(endpoint: str) -> Iterator[RefusingStore]:
    """The proxy of a server, until the block ends."""
    store = RefusingStore(endpoint)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            store.respond(self)

        do_PUT = do_HEAD = do_DELETE = do_POST = do_GET

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        store.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield store
        server.shutdown()
