"""Queries that storage answers: presigned URLs, deletion of objects, and uploads."""

from pydantic import Field

from heliograph.contracts.tolerant_reader import Tolerant


class StoredObject(Tolerant):
    """A stored object to be shown to somebody."""

    key: str
    media_type: str
    filename: str


class SignObjects(Tolerant):
    """Presigned addresses, please. Answered by storage with `SignedObjects`."""

    objects: list[StoredObject] = Field(max_length=200)


class SignedObjects(Tolerant):
    """One address for each object asked for, in order."""

    urls: list[str]
    expires_in: float  #: seconds


class RemoveObjects(Tolerant):
    """The objects of a job that was pruned, away. Answered by storage with `RemovedObjects`."""

    job: str


class RemovedObjects(Tolerant):
    objects: int  #: that were there


class FindUpload(Tolerant):
    """Is it there? Answered by storage with `FoundUpload`."""

    project: str
    sha256: str


class FoundUpload(Tolerant):
    object: StoredObject | None = None
