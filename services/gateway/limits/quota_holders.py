"""Holders of quotas: the project, the API key and the end user that a request for a job counts for. Pure."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import NamedTuple

from heliograph.contracts.quotas import ProjectQuotas, Quotas
from heliograph.contracts.records import Record
from heliograph.contracts.user_digests import user_digest


class QuotaHolder(NamedTuple):
    """A project, key or user with quotas."""

    name: str  #: as keys and subjects have it
    title: str  #: for people
    quotas: Quotas


class HolderJobs(NamedTuple):
    """Jobs that count for a holder."""

    holder: QuotaHolder
    jobs: list[str]


def holders_of(
    project: str, user: str | None, key: str | None, own: ProjectQuotas, of_key: Quotas | None
) -> Iterator[QuotaHolder]:
    """Holders of the quotas that apply to a request: its project, its key and its user."""
    if own.is_set:
        yield QuotaHolder(f"project.{project}", f"the project {project}", own)
    if key and of_key and of_key.is_set:
        yield QuotaHolder(f"key.{key}", f"the key {key}", of_key)
    if user and own.user.is_set:
        yield QuotaHolder(f"user.{project}.{user_digest(user)}", "the user", own.user)


def jobs_by_holder(
    records: Collection[Record], own: ProjectQuotas, of_key: Quotas | None
) -> list[HolderJobs]:
    """The jobs of one project and one key, by what they count for."""
    holders: dict[str, QuotaHolder] = {}
    jobs: dict[str, list[str]] = defaultdict(list)
    for record in records:
        key = record.internal.access_key
        for holder in holders_of(record.project, record.user, key, own, of_key):
            holders[holder.name] = holder
            jobs[holder.name].append(record.id)
    return [HolderJobs(holder, jobs[name]) for name, holder in holders.items()]
