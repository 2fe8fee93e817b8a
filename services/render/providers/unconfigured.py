"""Placeholder for a provider with missing or unusable credentials: sends nothing, and reports the reason."""

from typing import Never

from heliograph.contracts.errors import ProviderAuth, ProviderUnavailable
from services.render.providers import Request
from services.render.providers.submissions import Submission


class Unconfigured:
    """`Provider` that this process cannot use. Jobs wait until an operator corrects its credentials."""

    can_look_up_requests = True

    def __init__(self, reason: str) -> None:
        self.reason = reason

    async def submit(self, submission: Submission) -> Never:
        raise ProviderAuth(self.reason)

    async def poll(self, request: Request) -> Never:
        raise ProviderUnavailable(self.reason)

    async def cancel(self, request: Request) -> Never:
        raise ProviderUnavailable(self.reason)

    async def look_up(self, submission: Submission) -> Never:
        raise ProviderUnavailable(self.reason)

    async def aclose(self) -> None:
        """There is nothing to close."""
