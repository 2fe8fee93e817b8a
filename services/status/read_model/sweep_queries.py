"""Sweep queries: idle jobs, jobs past their deadline, and undecided ones."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, or_, select, tuple_

from heliograph.contracts.job_steps import Step
from services.status.read_model.rows import IdleJob
from services.status.read_model.tables import jobs
from services.status.read_model.timestamps import stamp

_is_open = jobs.c.finished_at.is_(None)
_is_undecided = jobs.c.step == str(Step.SUBMIT_UNKNOWN)


def idle_jobs(at: datetime, after: IdleJob | None) -> Select[Any]:
    """Open jobs that had no event since a time, the quietest first, after one of them."""
    place = (jobs.c.changed_at, jobs.c.id)
    statement = select(*place).where(_is_open, jobs.c.changed_at < stamp(at))
    if after is not None:
        statement = statement.where(tuple_(*place) > (stamp(after.changed_at), after.id))
    return statement.order_by(*place)


def due_jobs(at: datetime, unknown_since: datetime) -> Select[Any]:
    """Jobs past their `finish_by`, or undecided since a time."""
    for_long = and_(_is_undecided, jobs.c.changed_at < stamp(unknown_since))
    past = or_(jobs.c.finish_by <= stamp(at), for_long)
    return select(jobs.c.id).where(_is_open, past).order_by(jobs.c.changed_at, jobs.c.id)


def undecided_jobs() -> Select[Any]:
    """Jobs in `submit_unknown`, the quietest first."""
    return select(jobs.c.id).where(_is_undecided).order_by(jobs.c.changed_at)
