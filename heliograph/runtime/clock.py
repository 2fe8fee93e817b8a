"""Clock: the time of the NATS server, kept by the monotonic clock of this process."""

import time
from datetime import UTC, datetime, timedelta


class ServerClock:
    """
    The time by which deadlines, waits and periods are decided, the same in all processes.

    It is learned from what the server says, and goes on by this process's monotonic clock: what the
    host's own clock shows, or whether it is set, changes nothing. Until the first reply of the server, it
    is the host's time.
    """

    def __init__(self) -> None:
        self._offset: float | None = None  #: seconds from the monotonic clock to server time

    def now(self) -> datetime:
        """The server's time, in UTC."""
        if self._offset is None:
            return datetime.now(UTC)
        return datetime.fromtimestamp(time.monotonic() + self._offset, UTC)

    def learn(self, server_time: datetime, sent: float, received: float) -> timedelta:
        """
        Learn the server's time, read between two readings of the monotonic clock.

        An estimate that lies between them is kept, so that time does not jump with every reply.
        Returns by how much the clock was set.
        """
        earliest, latest = server_time.timestamp() - received, server_time.timestamp() - sent
        before = self._offset
        if before is None or not earliest <= before <= latest:
            self._offset = (earliest + latest) / 2
        return (
            timedelta(seconds=(self._offset or 0.0) - before) if before is not None else timedelta()
        )


clock = ServerClock()  #: of this process


def now() -> datetime:
    """The server's time. How long something takes is measured by monotonic clocks."""
    return clock.now()
