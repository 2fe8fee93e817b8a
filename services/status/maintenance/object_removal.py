"""Removal of a pruned job's objects, by storage."""

from heliograph.contracts.errors import Unavailable, Unreadable
from heliograph.contracts.queries.storage import RemoveObjects
from heliograph.runtime.bus import RequestReply
from heliograph.runtime.bus.queries import RemoteProblem

_REMOVING = 5.0  #: seconds for the objects of one job


async def remove_objects(request: RequestReply, job: str) -> int:
    """Have storage remove the objects of a job. How many there were; raises Unavailable, and Unreadable."""
    try:
        return (await request(RemoveObjects(job=job), timeout=_REMOVING)).objects
    except RemoteProblem as error:
        if error.remote_code == Unreadable.code:
            raise Unreadable(str(error)) from error
        raise Unavailable(f"storage does not remove the objects: {error}") from error
