"""Configuration of streams, buckets and consumers; a lane's concurrency cap is its `max_ack_pending`."""

from typing import Any

from heliograph.contracts import subjects
from heliograph.contracts.sessions import MAX_SESSION_HOURS
from heliograph.contracts.tickets import TICKET_LIFE
from heliograph.runtime.bus.lanes import lane_consumer
from heliograph.runtime.bus.rate_counters import KEPT as RATES_KEPT
from heliograph.runtime.bus.rate_counters import STREAM as RATES
from heliograph.runtime.settings import ServiceSettings

STORAGE = "storage"  #: the consumer of everything to be stored
GATEWAY = "gateway"  #: the consumer of what other services ask for
_REQUESTS_AT_ONCE = 64  #: requests from the bus under way together, over all gateways
_REQUESTS_WAITING = 10_000  #: of one project
_REFUSALS_KEPT = 10_000  #: of one project, the newest
_SESSIONS = 20_000  #: of browsers that are signed in

_SECOND = 1_000_000_000  #: nanoseconds
_MIB = 2**20  #: bytes

QUOTAS = "quotas"  #: the bucket of permits of jobs

Config = dict[str, Any]


#: streams and buckets of a backup: the event log first, as the others may know more than it and never less
SAVED = (
    "EVENTS",
    "REQUESTS",
    "REFUSALS",
    "DEAD",
    RATES,
    *(
        f"KV_{name}"
        for name in (
            "lanes",
            "accounts",
            "purges",
            "slots",
            "uploads",
            "projects",
            "keys",
            QUOTAS,
            "plans",
            "brought",
        )
    ),
)
#: what the event log brings back by itself, or what is worth nothing later; a session that was ended
#: after the backup must not come back
NOT_SAVED = frozenset({"WORK", "KV_leases", "KV_tickets", "KV_sessions"})


def streams(settings: ServiceSettings) -> list[Config]:
    """Configuration of every stream."""
    configs = [*_streams(settings), *_buckets(settings)]
    return [{**each, "num_replicas": settings.nats_replicas} for each in configs]


def _streams(settings: ServiceSettings) -> list[Config]:
    return [
        {
            "name": "EVENTS",
            "subjects": [subjects.EVENTS, subjects.MONEY, subjects.BUDGETS],
            "retention": "limits",
            "storage": "file",
            "allow_direct": True,
            "allow_atomic": True,
            "max_bytes": settings.events_max_bytes,
            "discard": "new",  # refusing is honest; dropping the oldest would forget keys
            "deny_delete": True,
            "duplicate_window": 120 * _SECOND,
        },
        {
            "name": "WORK",
            "subjects": [subjects.QUEUE, "run.>", subjects.STORE],
            "retention": "workqueue",
            "storage": "file",
            "allow_direct": True,
            "allow_msg_schedules": True,
            "allow_atomic": True,
            "republish": {"src": subjects.QUEUE, "dest": subjects.QUEUED},
            "max_bytes": settings.work_max_bytes,
            # the only policy beside schedules (err_code 10052); acceptance stops before it is
            # needed, and the sweeper puts back what it takes
            "discard": "old",
        },
        {
            "name": "REQUESTS",
            "subjects": [subjects.REQUESTS],
            "retention": "workqueue",
            "storage": "file",
            "max_bytes": settings.requests_max_bytes,
            "discard": "new",  # the publisher gets an error
            "max_msgs_per_subject": _REQUESTS_WAITING,
            "discard_new_per_subject": True,
            "duplicate_window": _SECOND // 10,  # `Nats-Msg-Id` counts per stream: keys are `ce-id`
        },
        {
            "name": "REFUSALS",
            "subjects": [subjects.REFUSALS],
            "retention": "limits",
            "storage": "file",
            "allow_direct": True,
            "max_age": 7 * 86_400 * _SECOND,
            "max_bytes": settings.refusals_max_bytes,
            "discard": "old",
            "max_msgs_per_subject": _REFUSALS_KEPT,
        },
        {
            "name": "DEAD",
            "subjects": ["dead.>"],
            "retention": "limits",
            "storage": "file",
            "allow_direct": True,
            "max_age": 90 * 86_400 * _SECOND,
            "max_bytes": settings.dead_max_bytes,
            "discard": "old",
        },
        {
            "name": RATES,
            "subjects": [subjects.RATES],
            "retention": "limits",
            "storage": "file",  # a server that starts again must have it: services may not make it
            "allow_direct": True,
            "allow_msg_counter": True,
            "max_age": RATES_KEPT * _SECOND,
            "max_bytes": 16 * _MIB,
            "max_msgs_per_subject": 1,
            "discard": "old",
        },
    ]


def _buckets(settings: ServiceSettings) -> list[Config]:
    return [
        _bucket("lanes", 8 * _MIB, history=5),
        _bucket("accounts", 64 * _MIB, history=5),
        _bucket("leases", 8 * _MIB),
        _bucket("purges", _MIB),
        _bucket("slots", settings.slots_max_bytes),
        _bucket("uploads", 64 * _MIB),
        {**_bucket("projects", 128 * _MIB), "max_msgs": settings.max_projects},
        {**_bucket("keys", 64 * _MIB), "max_msgs": settings.max_keys},
        # an entry that was not written for so long belongs to a holder with few jobs
        {**_bucket(QUOTAS, 64 * _MIB), "max_age": 30 * 86_400 * _SECOND},
        {**_bucket("tickets", 16 * _MIB), "max_age": 2 * int(TICKET_LIFE) * _SECOND},
        {
            **_bucket("sessions", 32 * _MIB),
            "max_age": (MAX_SESSION_HOURS + 1) * 3_600 * _SECOND,
            "max_msgs": _SESSIONS,
        },
        # an old plan may go: the keys of its jobs stay, so a request that is sent again pays nothing
        {
            **_bucket("plans", settings.plans_max_bytes),
            "max_age": int(settings.plan_retention.total_seconds()) * _SECOND,
            "discard": "old",
        },
        # what is written again stands last: the server forgets what was not used for longest
        {
            **_bucket("brought", 64 * _MIB),
            "max_msgs": settings.reference_copies,
            "discard": "old",
        },
    ]


def _bucket(name: str, max_bytes: int, *, history: int = 1) -> Config:
    """
    A key-value bucket is a stream with these settings (NATS ADR-8).

    A full one refuses even a value that takes the place of another of the same size; so those that
    everything depends on are far larger than what they can hold.
    """
    return {
        "name": f"KV_{name}",
        "subjects": [f"$KV.{name}.>"],
        "retention": "limits",
        "storage": "file",
        "max_bytes": max_bytes,
        "max_msgs_per_subject": history,
        "discard": "new",
        "allow_rollup_hdrs": True,
        "deny_delete": True,
        "allow_direct": True,
    }


def consumers(settings: ServiceSettings, caps: dict[str, int]) -> list[Config]:
    """Every durable consumer. `max_ack_pending` is the cap over all processes."""
    lanes = [
        _pull(lane_consumer(lane), subjects.runs(lane), cap, settings.ack_wait)
        for lane, cap in caps.items()
    ]
    return [
        *lanes,
        _pull(STORAGE, subjects.STORE, settings.storage_concurrency, settings.ack_wait),
        _pull(GATEWAY, subjects.REQUESTS, _REQUESTS_AT_ONCE, settings.ack_wait),
    ]


def _pull(name: str, subject: str, cap: int, ack_wait: float) -> Config:
    return {
        "durable_name": name,
        "filter_subject": subject,
        "deliver_policy": "all",
        "ack_policy": "explicit",
        "ack_wait": int(ack_wait * _SECOND),
        "max_ack_pending": cap,
        "max_waiting": 512,
        "max_deliver": -1,
    }
