"""
NATS permissions: which subjects each user of the server may publish and subscribe to, and no others.

A service that begins to use a subject, a stream or a bucket gets it in this table. A violation ends
its process, with the subject in the log (see `connection`).
"""

from collections.abc import Iterable

from heliograph.contracts import subjects
from heliograph.runtime.bus.lanes import lane_consumer
from heliograph.runtime.bus.stream_configs import GATEWAY, SAVED, STORAGE
from heliograph.runtime.bus.subject_permissions import (
    Permissions,
    caps,
    combined,
    follows,
    hears,
    inbox,
    provisions,
    publishes,
    pulls,
    purges,
    reads,
    restores,
    saves,
    serves,
    watches,
    writes,
)

SERVICES = ("gateway", "render", "storage", "status")
DISPATCHER = "dispatcher"  #: a process of render that runs no jobs
PROVISION = "provision"  #: makes and changes streams, buckets and consumers
OPERATOR = "operator"  #: the commands of operators
BACKUP, RESTORE = "backup", "restore"  #: those two commands

#: that the dispatcher serves
_QUEUE_VIEWS = ("query.lanes", "query.lanes.*", "query.position.*", "query.positions")

#: that storage's dispatcher serves, for a rendered job to be stored
_STORE_TURN = (subjects.STORE_TURNS, subjects.STORE_PERMIT)


def permissions(lanes: Iterable[str]) -> dict[str, Permissions]:
    """Permissions of our own users, by name, for a catalog with these lanes."""
    lanes = list(lanes)
    return {
        "gateway": combined(
            _service("gateway"),
            publishes("events.>", "queue.>", subjects.REFUSALS, "query.>", subjects.RATES),
            publishes(subjects.RECORD_CHANGED, subjects.LANE_CAPACITY, subjects.APPLY_RETENTION),
            pulls("REQUESTS", GATEWAY),
            reads("EVENTS"),
            _spends(),
            purges("WORK", "KV_projects", "KV_sessions"),
            caps(lanes),
            writes("accounts", "lanes", "plans", "projects", "quotas", "sessions", "slots"),
            writes("tickets"),
            watches("projects"),
        ),
        "render": combined(
            _service("render"),
            publishes("events.>", "queue.>", "run.>", subjects.STORE, "dead.>", subjects.PROGRESS),
            publishes(subjects.RECORD_CHANGED, subjects.LANE_CAPACITY, *_STORE_TURN),
            publishes("query.assets.*", "query.requests.find"),
            *(pulls("WORK", lane_consumer(lane)) for lane in lanes),
            reads("EVENTS", "WORK"),
            publishes(subjects.MONEY),
            follows("EVENTS"),
            purges("WORK"),
            caps(lanes),
            reads("KV_uploads"),
            writes("accounts", "brought", "leases"),
            watches("accounts", "lanes", "projects"),
            hears(subjects.QUEUED, subjects.RECORD_CHANGED, subjects.LANE_CAPACITY),
            hears(subjects.LOOK_UP),
            serves(*_QUEUE_VIEWS),
            serves("query.outputs.renew"),
        ),
        DISPATCHER: combined(
            _service(DISPATCHER),
            publishes("events.>", "run.>"),  # it fails jobs whose dependencies failed
            reads("EVENTS", "WORK"),
            follows("EVENTS"),
            purges("WORK"),
            caps(lanes),
            reads("KV_accounts", "KV_lanes"),
            writes("leases"),
            watches("accounts", "lanes"),
            hears(subjects.QUEUED, subjects.RECORD_CHANGED, subjects.LANE_CAPACITY),
            serves(*_QUEUE_VIEWS),
        ),
        "storage": combined(
            _service("storage"),
            publishes("events.>", subjects.STORE_QUEUE, subjects.STORE, "dead.>"),
            publishes(subjects.PROGRESS, subjects.lane_capacity(subjects.STORE_LANE), *_STORE_TURN),
            publishes("query.outputs.renew", "query.uploads.named"),
            pulls("WORK", STORAGE),
            reads("EVENTS", "WORK"),
            purges("KV_uploads"),
            writes("leases", "uploads"),
            watches("uploads"),
            hears(subjects.STORE_QUEUED, subjects.lane_capacity(subjects.STORE_LANE)),
            serves(*_STORE_TURN, "query.assets.*", "command.assets.remove"),
        ),
        "status": combined(
            _service("status"),
            publishes("events.>", "queue.>", subjects.STORE, "dead.>"),
            publishes(subjects.RECORD_CHANGED, subjects.LOOK_UP, *_STORE_TURN),
            publishes("query.assets.sign", "command.assets.remove"),
            reads("EVENTS", "WORK"),
            _spends(),
            follows("EVENTS"),
            watches("projects"),
            purges("WORK", "EVENTS", "DEAD"),
            _sweeps("WORK", "REQUESTS"),
            writes("accounts", "leases", "purges", "slots", "tickets"),
            hears(subjects.PROGRESS, subjects.APPLY_RETENTION),
            serves("query.accounts.statistics", "query.jobs.>", "query.projects.list"),
            serves("query.requests.find", "query.results.find", "query.slots.*"),
            serves("query.cleanup", "query.log.usage", "query.uploads.named", "query.usage"),
        ),
        PROVISION: combined(inbox(PROVISION), _looks(), provisions(), reads("KV_lanes")),
        OPERATOR: combined(
            inbox(OPERATOR),
            _looks(),
            publishes("$JS.API.DIRECT.GET.*", "$JS.API.STREAM.MSG.GET.*", "$KV.*.>"),
            publishes("$JS.API.STREAM.MSG.DELETE.*"),
            publishes("$JS.API.STREAM.UPDATE.EVENTS"),  # the level of the deployment
            purges("DEAD"),
        ),
        BACKUP: combined(
            inbox(BACKUP),
            publishes("$JS.API.STREAM.INFO.EVENTS"),  # the epoch
            *(saves(stream) for stream in SAVED),
        ),
        RESTORE: combined(
            inbox(RESTORE),
            publishes("$JS.API.STREAM.NAMES", "$JS.API.STREAM.INFO.EVENTS"),
            *(restores(stream) for stream in SAVED),
            reads("EVENTS"),
            publishes("events.>", subjects.UNREADABLE),  # it fails what may have been paid for
            publishes("$JS.API.STREAM.UPDATE.EVENTS"),  # the end of the restore
        ),
    }


def outside_permissions(user: str, projects: Iterable[str]) -> Permissions:
    """
    Of another service, which asks for jobs of these projects and follows them.

    It reads stored events by a durable consumer of its own, `<user>_<project>`: the server compares the
    filter of a named consumer with its subject, and so lets it see no other project. No user has an
    underscore in its name, so no two of them share a consumer.
    """
    return combined(inbox(user), *(_project(user, name) for name in projects))


def _project(user: str, project: str) -> Permissions:
    consumer = f"{user}_{project}"
    return combined(
        publishes(subjects.request(project)),
        publishes(f"$JS.API.CONSUMER.CREATE.EVENTS.{consumer}.events.{project}.>"),
        publishes(f"$JS.API.CONSUMER.DELETE.EVENTS.{consumer}"),
        pulls("EVENTS", consumer),
        hears(f"events.{project}.>", subjects.refusal(project)),
    )


def _service(name: str) -> Permissions:
    """Permissions of every service: replies, readiness, dead letters and API keys."""
    return combined(
        inbox(name),
        _looks(),
        publishes(f"$KV.leases.ready.{name}.*", subjects.UNREADABLE),
        reads("DEAD"),
        writes("keys"),  # each process notes when a key was used last
        watches("keys", "sessions"),
    )


def _spends() -> Permissions:
    """Write what projects spend, and which thresholds that reaches."""
    return publishes(subjects.MONEY, subjects.BUDGETS)


def _looks() -> Permissions:
    """Configuration and counts of streams and consumers, without what is in them."""
    return publishes("$JS.API.STREAM.INFO.*", "$JS.API.CONSUMER.INFO.*.*")


def _sweeps(*streams: str) -> Permissions:
    """Delete what was acknowledged and is there again."""
    calls = ("CONSUMER.LIST", "STREAM.MSG.GET", "STREAM.MSG.DELETE")
    return publishes(*(f"$JS.API.{call}.{each}" for each in streams for call in calls))
