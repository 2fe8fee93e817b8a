"""NATS connection: survives outages; errors that cannot pass end the process."""

import asyncio
import os
import ssl
from datetime import datetime
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import structlog
from nats.errors import AuthorizationError, Error

from heliograph.runtime.bus.jetstream_errors import translated
from heliograph.runtime.bus.request_client import RequestClient
from heliograph.runtime.clock import now
from heliograph.runtime.nats_tls import lasting_trouble
from heliograph.runtime.settings import ServiceSettings
from heliograph.runtime.startup import UNFIT_SERVER

log = structlog.get_logger()

#: how an error of the server begins when trying again cannot help
_HOPELESS = ("nats: permissions violation", "nats: authorization violation")

_REFUSED = 70  #: exit code

#: greetings without TLS that end a process which was never connected. One may be chance: a server that also
#: takes clients without TLS greets those whose first message is late
_PLAIN_GREETINGS = 5
_PAUSE = 0.25  #: seconds between them

#: what a handshake ends with; the server may close before the client has said why it does not go on
_FAILED_HANDSHAKE = (ssl.SSLError, ConnectionResetError)


class NatsConnectFailed(Exception):
    """The connection failed. Connect again."""


class Connection:
    """
    NATS connection: its options, and callbacks for outages.

    The library's own defaults give up for good after two minutes and notice a dead link after four.
    A refused publish shows up in the code as a timeout only, so its reason ends the process here.
    """

    def __init__(self, settings: ServiceSettings, name: str) -> None:
        self._settings = settings
        self._name = name
        self.inbox_prefix = f"_INBOX_{name}".encode()  #: of replies; no other user may subscribe
        self.tls: ssl.SSLContext | None = settings.nats_tls
        self._closing = False
        self._was_open = False
        self._plain_greetings = 0
        self._trouble = ""
        self.client = RequestClient()  #: usable before it is open: until then every call fails
        self.connected_at: datetime | None = (
            None  #: server time, no earlier than it was; None: lost
        )

    @property
    def options(self) -> dict[str, Any]:
        """Arguments of `nats.connect`, and of FastStream's broker."""
        return {
            "servers": [_without_password(server) for server in self._servers],
            "name": f"heliograph-{self._name}",
            "inbox_prefix": self.inbox_prefix,
            "connect_timeout": 2,
            "max_reconnect_attempts": -1,
            "reconnect_time_wait": 0.25,
            "ping_interval": 5,
            "max_outstanding_pings": 2,
            "error_cb": self._on_error,
            "closed_cb": self._on_closed,
            "disconnected_cb": self._on_disconnected,
            "reconnected_cb": self._on_reconnected,
        }

    @property
    def security(self) -> dict[str, Any]:
        """Further arguments of `nats.connect`: credentials, and TLS."""
        if self.tls is None:
            return self.credentials
        # before anything is said: an upgrade could be left out by who is in between
        return self.credentials | {"tls": self.tls, "tls_handshake_first": True}

    @property
    def credentials(self) -> dict[str, Any]:
        """
        The file of an nkey's seed, or user and password, for any server apart from its URL: a cluster tells
        clients of servers by bare addresses. Empty where the URLs have none, or a token.
        """
        if self._settings.nats_url and self._settings.nats_nkey_file:
            return {"nkeys_seed": str(self._settings.nats_nkey_file)}
        first = self._servers[0]
        if first.username is None or first.password is None:
            return {}
        return {"user": unquote(first.username), "password": unquote(first.password)}

    @property
    def _servers(self) -> list[SplitResult]:
        return [urlsplit(url) for url in self._settings.nats_login.split(",")]

    async def open(self) -> None:
        """
        Connect; waits as long as it takes for the server to be there.

        Raises:
            Unavailable: The connection was lost while connecting; call again.
        """
        # one that is lost comes back by itself: to connect it as well would leave two readers on it
        while not (self.client.is_connected or self.client.is_reconnecting):
            try:
                with translated():
                    await self.client.connect(**self.options, **self.security)
            except NatsConnectFailed:
                await asyncio.sleep(_PAUSE)
            else:
                self.note_connected()

    def note_connected(self) -> None:
        """Record that a connection with `options` was made."""
        self.connected_at, self._was_open = now(), True

    def expect_close(self) -> None:
        """Treat the end of the connection as intended from now on."""
        self._closing = True

    async def close(self) -> None:
        self.expect_close()
        if self.client.is_connected:
            await self.client.close()

    async def _on_error(self, error: Exception) -> None:
        trouble = str(error) or type(error).__name__
        if _is_hopeless(error):
            _exit(f"NATS refuses this service: {trouble}", _REFUSED)
        tls_trouble = lasting_trouble(error)
        trouble = tls_trouble or trouble
        if trouble != self._trouble and not self._closing:
            log.warning("NATS connection error", error=trouble)
        self._trouble = trouble
        if self._was_open:
            return
        if tls_trouble:
            self._count_tls_trouble(error, tls_trouble)
        # out of `connect`, which would wait for ever for the end of a stream whose handshake failed
        if self.tls is not None or isinstance(error, _FAILED_HANDSHAKE):
            raise NatsConnectFailed(trouble)

    def _count_tls_trouble(self, error: Exception, trouble: str) -> None:
        self._plain_greetings += 1
        is_final = isinstance(error, ssl.SSLCertVerificationError)
        if is_final or self._plain_greetings >= _PLAIN_GREETINGS:
            _exit(trouble, UNFIT_SERVER)

    async def _on_closed(self) -> None:
        if not self._closing:
            _exit("The NATS connection is closed for good", _REFUSED)

    async def _on_disconnected(self) -> None:
        self.connected_at = None

    async def _on_reconnected(self) -> None:
        self._trouble = ""
        self.note_connected()
        log.info("NATS reconnected")


def _is_hopeless(error: Exception) -> bool:
    """Whether the server itself refuses us. Errors in messages of other clients end nothing."""
    if isinstance(error, AuthorizationError):
        return True
    return type(error) is Error and str(error).lower().startswith(_HOPELESS)


def _exit(reason: str, code: int) -> None:
    """End the process at once: its supervisor starts a new one, with fresh state."""
    log.critical(reason)
    os._exit(code)


def _without_password(server: SplitResult) -> str:
    """The URL; without credentials, if they are a user and a password."""
    authority = server.netloc.rpartition("@")[2] if server.password is not None else server.netloc
    return server._replace(netloc=authority).geturl()
