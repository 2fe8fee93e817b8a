"""Authentication of live clients: by the key of the handshake, or by a ticket in the first frame."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn

from fastapi import WebSocket

from heliograph.contracts.authorization import ANYBODY, Principal, require_project, require_scope
from heliograph.contracts.errors import NotFound, Unauthenticated
from heliograph.contracts.live_frames import Auth, Subscribe
from heliograph.runtime.http.access import AccessCheck, Requirement

FOLLOWING = Requirement("jobs:read", names_jobs=True)  #: what following jobs needs
CONFIRM_INTERVAL = (
    2.0  #: seconds between two looks whether the key of a silent client is still valid
)
TICKET_TIMEOUT = 5.0  #: seconds from the handshake, in which a ticket has to come

#: redeems a ticket, sent by a page of an origin
Redeem = Callable[[str, str | None], Awaitable[Principal]]


class ClientAuthentication:
    """Authentication of one live client."""

    def __init__(self, socket: WebSocket, access: AccessCheck, redeem: Redeem) -> None:
        self._socket = socket
        self._access = access
        self._redeem = redeem
        self._principal: Principal | None = None
        self._known = asyncio.Event()

    @property
    def principal(self) -> Principal:
        """Raises Unauthenticated: the client is not authenticated yet."""
        if self._principal is None:
            raise Unauthenticated
        return self._principal

    async def read_handshake(self) -> None:
        """
        Authenticate by the `Authorization` header, which browsers cannot set; without it a ticket must follow.

        Raises:
            Unauthenticated, InsufficientScope, Unavailable: As `AccessCheck.check` does.
        """
        try:
            self._admit(await self._access.check(self._socket, FOLLOWING))
        except Unauthenticated:
            if "authorization" in self._socket.headers:
                raise

    async def read_ticket(self, frame: Auth) -> None:
        """Authenticate by a ticket, unless the client is known. Raises Unauthenticated and Unavailable."""
        if self._principal is None:
            self._admit(await self._redeem(frame.ticket, self._socket.headers.get("origin")))

    def _admit(self, principal: Principal) -> None:
        self._principal = principal
        self._known.set()

    async def confirm_forever(self) -> NoReturn:
        """Raises Unauthenticated when no ticket comes in time or the key is revoked; Unavailable."""
        try:
            async with asyncio.timeout(TICKET_TIMEOUT):
                await self._known.wait()
        except TimeoutError:
            raise Unauthenticated from None
        if self._principal is ANYBODY:
            await asyncio.get_running_loop().create_future()
        while True:
            self.confirm()
            await asyncio.sleep(CONFIRM_INTERVAL)

    def confirm(self) -> None:
        """Raises Unauthenticated and Unavailable: nothing may be sent to the client."""
        self._access.confirm(self.principal)


def require_subscription(principal: Principal, subscribe: Subscribe) -> None:
    """
    Raises:
        NotFound: The principal may not see the project or one of the jobs.
        InsufficientScope: The principal may not subscribe to budgets.
    """
    require_project(principal, subscribe.project)
    if subscribe.budget:
        require_scope(principal, "usage:read")
    if principal.jobs is None:
        return
    if subscribe.jobs is None:
        raise NotFound(f"there is no project {subscribe.project} to follow as a whole")
    for job in subscribe.jobs:
        if not principal.sees_job(job):
            raise NotFound(f"the project has no job {job}")
