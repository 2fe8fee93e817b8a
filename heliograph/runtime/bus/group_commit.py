"""
Group commit: first messages that come while others are being stored are stored by one atomic batch.

An atomic batch costs the server a fixed amount, and each message in it less than one that is stored alone. So
a large group is committed as a batch, and the messages of a small one are stored one by one, at once. No
message waits for others to come: a group is what came while the last batch was under way.

A batch is only ever a shortcut. Unless it succeeds, each message is then stored by itself, which finds by
its id whether it is stored already.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, zip_longest

import structlog

from heliograph.contracts.errors import HeliographError
from heliograph.runtime.bus.atomic_batch import ComparedMessage, store_batch
from heliograph.runtime.bus.conflicts import Conflict
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.jetstream_errors import ApiError

log = structlog.get_logger()

MOST = 200  #: messages of a group
MOST_BYTES = 4 * 2**20  #: of a group


@dataclass(eq=False)
class Waiting:
    """A message that waits for its group."""

    message: ComparedMessage
    project: str
    is_resolved: bool = False
    sequence: int | None = None  #: None: it has to be stored by itself
    _ended: asyncio.Event | None = None  #: only if a caller waits for it

    def resolve(self, sequence: int | None) -> None:
        """End the wait, if it has not ended yet."""
        if not self.is_resolved:
            self.is_resolved, self.sequence = True, sequence
            if self._ended:
                self._ended.set()

    async def result(self) -> int | None:
        """Wait for the sequence of the message; None: store it alone."""
        if not self.is_resolved:
            self._ended = asyncio.Event()
            await self._ended.wait()
        return self.sequence


class GroupCommit:
    """
    Group commit for one stream in one process.

    Args:
        least: Messages that a group must have to be committed as a batch.
    """

    def __init__(self, jetstream: JetStream, stream: str, *, least: int) -> None:
        self._jetstream = jetstream
        self._stream = stream
        self._least = least
        self._waiting: list[Waiting] = []
        self._is_busy = False  #: messages that come now are in a later group
        self._committing: asyncio.Task[None] | None = None

    async def store(self, project: str, message: ComparedMessage) -> int | None:
        """
        Store a message together with others. Returns its sequence.

        Returns None when it was not stored with others, or may not have been: the caller stores it by
        itself, by a compare that finds it if it is there. Raises nothing.
        """
        waiting = Waiting(message, project)
        self._waiting.append(waiting)
        if not self._is_busy:
            await self._gather(waiting)
        return await waiting.result()

    async def _gather(self, waiting: Waiting) -> None:
        """Commit the messages of one round of the event loop; the first caller to resume starts."""
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self._waiting = [each for each in self._waiting if each is not waiting]
            raise
        if not (self._is_busy or waiting.is_resolved):
            self._begin()

    def _begin(self) -> None:
        """Begin to commit what waits. A small group needs no task and no futures: nearly all are of one message."""
        if len(self._waiting) < self._least:
            self._end()
        else:
            self._is_busy = True
            self._committing = asyncio.create_task(self._commit_all(), name="group commit")

    def _end(self) -> None:
        _resolve_all(self._waiting)
        self._waiting, self._is_busy = [], False

    async def _commit_all(self) -> None:
        try:
            while len(self._waiting) >= self._least:
                group = next_group(self._waiting)
                await self._commit(group)
                self._forget(group)
        finally:
            self._end()

    def _forget(self, group: Iterable[Waiting]) -> None:
        """Remove the messages of a group, and further messages of their subjects."""
        subjects = {each.message.subject for each in group}
        _resolve_all(each for each in self._waiting if each.message.subject in subjects)
        self._waiting = [each for each in self._waiting if each.message.subject not in subjects]

    async def _commit(self, group: list[Waiting]) -> None:
        """Store a group by one batch, or what is left of it without known subjects by a second one."""
        if len(group) < self._least:
            return None
        try:
            with suppress(Conflict):
                return await self._store(group)
            known = await self._known(group)
            rest = [each for each in group if each.message.subject not in known]
            if len(rest) >= self._least:
                await self._store(rest)
        except (Conflict, ApiError, HeliographError) as error:
            log.info("Batch not stored", stream=self._stream, size=len(group), reason=str(error))

    async def _store(self, group: Sequence[Waiting]) -> None:
        first = await store_batch(self._jetstream, [each.message for each in group])
        for sequence, each in enumerate(group, first):
            each.resolve(sequence)

    async def _known(self, group: Iterable[Waiting]) -> set[str]:
        """The subjects that have a message already."""
        subjects = [each.message.subject for each in group]
        return {each.subject for each in await self._jetstream.read_lasts(self._stream, subjects)}


def _resolve_all(those: Iterable[Waiting]) -> None:
    """End the wait without a sequence: the callers store their messages by themselves."""
    for each in those:
        each.resolve(None)


def next_group(waiting: Iterable[Waiting]) -> list[Waiting]:
    """Which messages are next: projects in turn, each subject once, within the bounds of a group."""
    projects: dict[str, list[Waiting]] = defaultdict(list)
    for each in waiting:
        projects[each.project].append(each)
    group: dict[str, Waiting] = {}
    size = 0
    for each in chain.from_iterable(zip_longest(*projects.values())):
        if each is None or each.message.subject in group:
            continue
        size += each.message.size
        if len(group) == MOST or (group and size > MOST_BYTES):
            break
        group[each.message.subject] = each
    return list(group.values())
