"""Live events for the client: follow jobs, and wait for their end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from heliograph.client.http import GatewayConnection
from heliograph.client_errors import (
    JobFailed,
)
from heliograph.contracts.jobs import Job
from heliograph.encodable_text import part
from heliograph.live_connection import Link
from heliograph.live_stream import LiveEvent, ResumeCursor, following
from heliograph.subscriptions import CaughtUpCallback

FINAL = frozenset({"succeeded", "failed", "canceled", "expired"})


class LiveCalls(GatewayConnection):
    """Following jobs until they end."""

    @asynccontextmanager
    async def follow(
        self,
        *jobs: str,
        after: ResumeCursor | None = None,
        timeout: float | None = None,  # of reading
        caught_up: CaughtUpCallback | None = None,
    ) -> AsyncIterator[AsyncIterator[LiveEvent]]:
        """
        Follow the events of some jobs, or of the whole project when none is named.

            async with client.follow(job.id) as events:
                async for event in events: ...

        A snapshot comes first, or what was missed since `after`; lost connections are taken up again.
        Once nothing is missing any more, `caught_up` is called with the number of events that were
        missed, or with None after a snapshot.

        Reading the events raises:
            RequestRejected: The job does not exist in the project.
            LiveClosed: The service closed the connection permanently.
            WaitedTooLong: `timeout` seconds have passed; the jobs continue.
        """
        address = (await self._send("GET", "/v1"))["links"]["live"]
        ticket = self._ticket if self._credentials else None
        link = Link(address, proxy=self._proxy, ticket=ticket)
        async with following(
            link, self.project, jobs, after, timeout=timeout, caught_up=caught_up
        ) as events:
            yield events

    async def _ticket(self) -> str:
        """A ticket for one live connection about the project."""
        path = f"/v1/projects/{part(self.project)}/tickets"
        return str((await self._send("POST", path, json={}))["ticket"])

    async def finish(
        self,
        *jobs: str,
        timeout: float | None = None,  # it has an error of its own
    ) -> list[Job]:
        """
        Wait until all jobs have ended, in whatever state, and return them.

        Raises:
            RequestRejected, LiveClosed, WaitedTooLong: As `follow` does.
        """
        ended: dict[str, Job] = {}
        waited_for = set(jobs)
        if not waited_for:
            return []
        async with self.follow(*jobs, timeout=timeout) as events:
            async for event in events:
                if event.job and event.job.status in FINAL:
                    ended[event.about] = event.job
                    waited_for.discard(event.about)
                if not waited_for:
                    break
        return [ended[job] for job in jobs]

    async def wait(
        self,
        job: str,
        *,
        timeout: float | None = None,  # it has an error of its own
    ) -> Job:
        """Wait until the job has succeeded, and return it. Raises JobFailed if it ends otherwise."""
        [ended] = await self.finish(job, timeout=timeout)
        if ended.status != "succeeded":
            raise JobFailed(ended)
        return ended
