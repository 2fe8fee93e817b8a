"""A server that responds to everything at once with 202: how fast can the generator of requests be?"""

import asyncio
import sys

_RESPONSE = b"HTTP/1.1 202 Accepted\r\nContent-Length: 1500\r\n\r\n" + b"." * 1500


class _FastServer(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(_RESPONSE)  # its only client sends a request in one piece


async def main() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_FastServer, "127.0.0.1", 0)
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
