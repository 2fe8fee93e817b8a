"""
Crash points: the places, one after each durable step of a job's life, where a test can have a
process die.

Nothing happens there unless `HELIOGRAPH_TEST_CRASHES` names a folder, and only tests set that. A
file in it arms the point of its name: whichever process gets there first takes the file away and
kills itself, as `kill -9` would. The process that is started in its place finds no file, and lives.
"""

import os
import signal
from pathlib import Path
from typing import Literal, get_args

VARIABLE = "HELIOGRAPH_TEST_CRASHES"

Point = Literal[
    # gateway: a request becomes a job
    "accept.fenced",  # an abandoned claim can no longer be accepted; the slot still names it
    "accept.claimed",  # the slot names the job; no event
    "accept.refused",  # over budget; the slot still names the job
    "accept.deduplicated",  # the key stands for another job; no response
    "accept.staged",  # all but the last message of an atomic batch are sent; none is stored
    "accept.committed",  # an atomic batch is stored; the callers do not know it yet
    "accept.held",  # the price of a new job is held; its event is in the budget record only
    "accept.ahead",  # the job is in the queue; its event may be in the budget record only
    "accept.completed",  # that event is in the log; its caller does not know it yet
    "accept.written",  # `accepted`; not in the queue
    "accept.queued",  # in the queue; no response
    "accept.reused",  # `succeeded` with a stored result; no response
    "plan.held",  # what the jobs of a batch cost is held; there is no plan
    "plan.written",  # what a batch or an action comes to; nothing of it is done
    # gateway: wishes about a job
    "cancel.written",  # `canceled`; still in the queue
    "cancel.purged",  # off the queue; no notification yet
    "cancel.asked",  # `cancel_requested`; its worker was not notified
    "retry.written",  # `retry_scheduled` on request; not in the queue
    "retry.queued",  # in the queue; no response
    # render: the dispatcher
    "dispatch.chosen",  # its turn; still in the queue
    "dispatch.moved",  # on its lane; not in the dispatcher's memory
    "depend.failed",  # `failed`, because another did not succeed; still in the queue
    # render: a worker
    "start.placed",  # a permit of the account; no event
    "start.written",  # `started`
    "bring.claimed",  # a reference is about to be uploaded; others wait for it
    "bring.brought",  # the provider has it; not recorded yet
    "submit.intended",  # `submitting`; the POST was never begun
    "submit.posted",  # accepted by the provider; its response is not written
    "inline.spooled",  # outputs that came inside the response are on disk; nothing is written
    "submit.written",  # what the POST taught is written
    "reconcile.found",  # the lost request is found; not written
    "reconcile.waited",  # it was not to be seen after the wait either; nothing written
    "reconcile.written",  # what became of it is written
    "follow.stopped",  # the provider was told to stop; nothing written
    "follow.ended",  # the provider is done; not written
    "follow.written",  # how it ended is written
    "leave.told",  # storage has its message; the permit is taken
    "leave.freed",  # the permit is free
    "leave.queued",  # back in the queue
    "render.handled",  # done with the message; no ack
    # storage
    "store.chosen",  # its turn; its ticket still waits
    "store.moved",  # a worker gets it next; the dispatcher has not noted it
    "store.fetched",  # an output is here, in a temporary file
    "store.put",  # an object is in the store; no event
    "store.written",  # `succeeded`
    "store.handled",  # done with the message; no ack
    # status: the sweeper
    "sweep.asked",  # `expire_requested`; its worker was not notified
    "sweep.expired",  # `expired`; still in the queue, no notification yet
    "sweep.found",  # an idle job; not re-enqueued yet
    # status: the cleaner
    "clean.withdrawn",  # a version can be restored no more; it is there
    "clean.pruned",  # `pruned`; its objects are there
    "clean.removed",  # the objects are gone; the read model does not know
]
POINTS: tuple[Point, ...] = get_args(Point)

_FOLDER = os.environ.get(VARIABLE)


def crash_point(point: Point) -> None:
    """Die here, if a test wants it."""
    if _FOLDER:
        _crash_once(Path(_FOLDER) / point)


def _crash_once(armed: Path) -> None:
    try:
        armed.unlink()
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)
