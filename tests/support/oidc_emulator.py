"""An identity provider that hands out whatever ID token it is given, and checks what clients prove."""

import asyncio
import base64
import hashlib
import json
from typing import Any
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

CLIENT, SECRET = "heliograph", "canary-of-a-client-secret"  # of tests


class OidcEmulator:
    """
    Discovery, keys and the token endpoint, by HTTP.

    Args:
        key: The only key, with the id `one`.
    """

    def __init__(self, key: RSAPublicKey) -> None:
        self._key = {
            **json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key)),
            "kid": "one",
            "alg": "RS256",
        }
        self._codes: dict[str, tuple[str, str]] = {}
        self.broken: set[str] = set()  #: paths that answer 500
        self.instead: dict[str, Any] = {}  #: what paths answer in place of what they should
        self.credentials: str | None = None  #: of the last client

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.issuer = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        self._server.close()
        await self._server.wait_closed()

    def expect(self, code: str, verifier: str, id_token: str) -> None:
        """A code that comes back with the verifier of this challenge, and what it is good for."""
        self._codes[code] = (_challenge(verifier), id_token)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path, headers = head.split()[1], _headers(head)
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        status, content = self._respond(path, headers, parse_qs(body.decode()))
        text = json.dumps(content).encode()
        lines = f"HTTP/1.1 {status} Whatever\r\nContent-Length: {len(text)}\r\nConnection: close\r\n\r\n"
        writer.write(lines.encode() + text)
        await writer.drain()
        writer.close()

    def _respond(
        self, path: str, headers: dict[str, str], form: dict[str, list[str]]
    ) -> tuple[int, Any]:
        if path in self.broken:
            return 500, {}
        if path in self.instead:
            return 200, self.instead[path]
        if path == "/.well-known/openid-configuration":
            places = {
                f"{name}_endpoint": f"{self.issuer}/{name}" for name in ("authorization", "token")
            }
            return 200, {"issuer": self.issuer, **places, "jwks_uri": f"{self.issuer}/keys"}
        if path == "/keys":
            return 200, {"keys": [self._key]}
        return self._token(headers, {name: values[0] for name, values in form.items()})

    def _token(self, headers: dict[str, str], form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        scheme, _, proof = headers.get("authorization", "").partition(" ")
        self.credentials = base64.b64decode(proof).decode() if scheme == "Basic" else None
        challenge, id_token = self._codes.get(form["code"], ("", ""))
        if _challenge(form["code_verifier"]) != challenge:
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": "x", "token_type": "Bearer", "id_token": id_token}


def _headers(head: str) -> dict[str, str]:
    pairs = (line.partition(": ") for line in head.split("\r\n")[1:] if line)
    return {name.lower(): value for name, _, value in pairs}


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
