"""One subscription of a live client: what it missed first, then everything as it happens."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from heliograph.contracts.live import Cursor, Subscribe
from heliograph.contracts.queries import ProgressReport
from heliograph.runtime.bus import now
from heliograph.runtime.presenting import Presenter, as_json, with_progress
from services.status.hub import Frame, Hub
from services.status.ledgers import Ledger
from services.status.outbox import Outbox

PAGE = 500  #: jobs in a snapshot frame
_CATCH_UP = 5.0  #: seconds a hub has to hear of a sequence that the log has


class Subscription:
    """
    Events of a project, or of some of its jobs.

    Args:
        replay_limit: Missed events that are sent again; with more, the client starts over.
        final_for: Final jobs are in a snapshot for so long.
    """

    def __init__(
        self,
        asked: Subscribe,
        hub: Hub,
        ledger: Ledger,
        presenter: Presenter,
        outbox: Outbox,
        *,
        replay_limit: int,
        final_for: timedelta,
    ) -> None:
        self.jobs = frozenset(asked.jobs) if asked.jobs else None
        self._asked = asked
        self._project = asked.project
        self._hub = hub
        self._ledger = ledger
        self._presenter = presenter
        self._outbox = outbox
        self._replay_limit = replay_limit
        self._final_for = final_for
        self._last = 0  #: sequence of the last event this client has

    async def run(self) -> None:
        """Bring the client up to date, and join the live ones."""
        await self._hub.opened.wait()
        after = self._asked.after
        recovered = after is not None and await self._can_recover(after)
        head = max(self._hub.head, after.sequence if after and recovered else 0)
        await self._say("subscribed", epoch=self._hub.epoch, head=head, recovered=recovered)
        if after is not None and recovered:
            self._last = after.sequence
        else:
            await self._send_snapshot()
        await self._catch_up()

    @property
    def epoch(self) -> str:
        """Of the stream that sequences are of."""
        return self._hub.epoch

    def stop(self) -> None:
        """Hear no more."""
        self._hub.leave(self._project, self)

    async def _can_recover(self, after: Cursor) -> bool:
        if after.epoch != self._hub.epoch:
            return False
        if after.sequence > self._hub.head:
            if after.sequence > await self._hub.last_sequence():
                return False
            await self._hub.wait_beyond(after.sequence - 1, seconds=_CATCH_UP)
        count = await self._hub.count(self._project, self.jobs, after.sequence)
        return count <= self._replay_limit

    async def _send_snapshot(self) -> None:
        """Jobs as they stood at one sequence; the events after it follow."""
        since = now() - self._final_for
        snapshot = await self._ledger.snapshot(
            self._project, sorted(self.jobs) if self.jobs else None, since
        )
        self._last = snapshot.sequence
        pages = [snapshot.rows[i : i + PAGE] for i in range(0, len(snapshot.rows), PAGE)] or [[]]
        for number, page in enumerate(pages, start=1):
            shown = await self._presenter.jobs([(row.record, row.sequence) for row in page])
            jobs = [with_progress(job, self._hub.report(job["id"])) for job in shown]
            more = number < len(pages)
            await self._say("snapshot", sequence=snapshot.sequence, jobs=jobs, more=more)

    async def _catch_up(self) -> None:
        while True:
            floor = self._hub.floor
            if self._last < floor:
                frames, more = await self._hub.logged(self._project, self.jobs, self._last, floor)
            else:
                frames, more = self._hub.recent(self._project, self.jobs, self._last), 0
                if not frames:
                    self._hub.join(self._project, self)
                    return
            for frame in frames:
                await self._hub.show(frame)
                if frame.text:
                    await self._outbox.put_in_turn(self._event(frame))
                self._last = frame.sequence
            if not more:
                self._last = max(self._last, floor)

    # -- as a listener of the hub

    def on_event(self, frame: Frame) -> None:
        if frame.sequence > self._last:
            self._last = frame.sequence
            if frame.text:
                self._outbox.put(self._event(frame))

    def on_progress(self, report: ProgressReport) -> None:
        frame = self._frame("progress", **report.model_dump(mode="json"))
        self._outbox.put_progress((self._asked.id, report.job), frame)

    # -- frames

    def _event(self, frame: Frame) -> str:
        return (
            f'{{"op":"event","id":{self._asked.id},"sequence":{frame.sequence},'
            f'"type":"{frame.type}","job":{frame.text}}}'
        )

    def _frame(self, op: str, **content: Any) -> str:
        return as_json({"op": op, "id": self._asked.id, **content}).decode()

    async def _say(self, op: str, **content: Any) -> None:
        await self._outbox.put_in_turn(self._frame(op, **content))


Subscribing = Callable[[Subscribe, Outbox], Subscription]


def error_frame(id_: int | None, problem: dict[str, Any]) -> str:
    """What went wrong with one frame of the client."""
    return as_json({"op": "error", "id": id_, "problem": problem}).decode()
