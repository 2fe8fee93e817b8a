"""Queries and commands that storage answers: presigned URLs, uploads, and deletion of objects."""

from pydantic import Field

from heliograph.contracts.queries import Query
from heliograph.contracts.tolerant_reader import Tolerant


class StoredObject(Tolerant):
    """A stored object for which a presigned URL is requested."""

    key: str
    media_type: str
    filename: str
    inline: bool = False  #: browsers show it in a tab; else they save it


class SignedObjects(Tolerant):
    """One URL for each requested object, in order."""

    urls: list[str]
    expires_in: float  #: seconds from now, at least


class SignObjects(Query[SignedObjects]):
    """Presigned addresses of objects. Answered by storage with `SignedObjects`."""

    subject = "query.assets.sign"

    objects: list[StoredObject] = Field(max_length=200)


class RemovedObjects(Tolerant):
    objects: int  #: that were there


class RemoveObjects(Query[RemovedObjects]):
    """Remove the objects of a pruned job. Answered by storage with `RemovedObjects`."""

    subject = "command.assets.remove"

    job: str


class FoundUpload(Tolerant):
    object: StoredObject | None = None


class FindUpload(Query[FoundUpload]):
    """Look up an upload. Answered by storage with `FoundUpload`."""

    subject = "query.assets.uploads"

    project: str
    sha256: str
