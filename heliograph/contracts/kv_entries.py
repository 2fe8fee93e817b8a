"""Entries of key-value buckets, by name. Fields of later releases are kept, see `tolerant_reader`."""

from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from heliograph.contracts.circuit_breaker import CircuitBreaker
from heliograph.contracts.errors import Unreadable
from heliograph.contracts.key_records import KeyRecord
from heliograph.contracts.limits import Cap
from heliograph.contracts.projects import Defaults
from heliograph.contracts.quotas import ProjectQuotas
from heliograph.contracts.retention import Retention
from heliograph.contracts.sessions import SessionRecord
from heliograph.contracts.slots import Restored
from heliograph.contracts.tickets import TicketEntry
from heliograph.contracts.tolerant_reader import Tolerant


class SlotEntry(Tolerant):
    """The last claim of a slot, and the decisions about its versions."""

    job: str | None = None
    restored: Restored | None = None
    withdrawn: list[str] = Field(default_factory=list)


class AccountEntry(Tolerant):
    """Places in an account, and what operators and failures made of it."""

    cap: Cap | None = None
    holders: dict[str, int] = Field(default_factory=dict)
    breaker: CircuitBreaker | None = None


class LaneEntry(Tolerant):
    """Operators' overrides of a lane of the catalog."""

    cap: Cap | None = None
    paused: bool | None = None


class ProjectEntry(Tolerant):
    """Defaults, retention and quotas of a project, and whether it has a budget."""

    defaults: Defaults = Defaults()
    retention: Retention = Retention()
    quotas: ProjectQuotas = ProjectQuotas()
    budget: bool = False  #: what costs money is accepted together with its budget record only
    open_jobs: bool = False  #: and so is every job: the budget limits how many are open


class PlanEntry(Tolerant):
    """One job for each item of a request for many, in order."""

    id: str
    project: str
    digest: str  #: of the body, for its Idempotency-Key
    jobs: list[str]  #: to be made, or that something is to be done with
    skipped: list[int] = Field(default_factory=list)  #: items that need nothing: their job is there
    more: bool = False  #: there was more than one request may ask for
    #: a retry pays only with `from: submit`; plans that do not say so pay for what they come to
    asks_consent: bool = False


class UploadEntry(Tolerant):
    """An upload of a client; or, where it is being removed, the object that is to go."""

    media_type: str | None = None
    bytes: int | None = None
    width: int | None = None
    height: int | None = None
    key: str | None = None  #: of the object; null for uploads of release 0.1
    used: Annotated[float, Field(allow_inf_nan=False)] | None = (
        None  #: last use, seconds of the epoch
    )
    removing: str | None = None  #: key of the object that is to be removed


class CopyEntry(Tolerant):
    """The URL of a reference at a provider, or the process that uploads it."""

    url: str | None = None
    until: Annotated[float, Field(allow_inf_nan=False)] | None = None
    used: Annotated[float, Field(allow_inf_nan=False)] | None = None
    claimed: str | None = None


class LeaseEntry(Tolerant):
    """The holder of a lease."""

    holder: str | None = None


class QuotaEntry(Tolerant):
    """Jobs that count against a quota, and since when: seconds since 1970."""

    holders: dict[str, Annotated[float, Field(allow_inf_nan=False)]] = Field(default_factory=dict)


_ENTRIES: dict[str, TypeAdapter[Any]] = {
    name: TypeAdapter(entry)
    for name, entry in {
        "slots": SlotEntry,
        "accounts": AccountEntry,
        "lanes": LaneEntry,
        "projects": ProjectEntry,
        "plans": PlanEntry,
        "uploads": UploadEntry,
        "brought": CopyEntry,
        "leases": LeaseEntry,
        "keys": KeyRecord,
        "tickets": TicketEntry,
        "quotas": QuotaEntry,
        "sessions": SessionRecord,
    }.items()
}
_OBJECT = TypeAdapter(dict[str, Any])

#: what can be made anew at any time: an entry that cannot be read is as good as none
DISPOSABLE = frozenset({"uploads", "brought", "leases", "quotas"})


def read_entry(bucket: str, data: bytes) -> dict[str, Any]:
    """
    An entry of a bucket, with all its fields. An absent one is an empty entry.

    Raises:
        Unreadable: The data is not a JSON object, or not an entry of this bucket.
    """
    try:
        value = _OBJECT.validate_json(data)
        if value and bucket in _ENTRIES:
            _ENTRIES[bucket].validate_json(data)
    except ValueError as error:
        raise Unreadable.because(error) from None
    return value
