"""Acceptance with an API key, a price, a budget and a quota, next to acceptance without them."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import NamedTuple

from bench.deployment import Deployment, deployment, new_home, post_from_outside, scene
from bench.figures import Section
from bench.http_load import Load, Posted
from bench.profiles import Profile

_ROUNDS = 3  #: of each load, in turn with and without: a disk is faster at some times
_PEER = "without a key, a budget and a quota"

_BUDGET = {"day": "100000", "month": "1000000", "total": "10000000"}
_QUOTA = {"requests": {"limit": 1_000_000, "window_seconds": 60}}
_BODY = scene(price="0.001")


class _Round(NamedTuple):
    """One load on one deployment, and the processor time that a job took."""

    posted: Posted
    gateway: float  #: milliseconds
    nats: float


async def accept_with_limits(profile: Profile, section: Section, at_once: tuple[int, ...]) -> None:
    """The same load on two deployments in turn: one with keys, a budget and a quota, one without."""
    with deployment() as plain, _limited() as limited:
        both = (plain, limited)
        for each in both:
            each.change_lane("text", paused=True)
        for connections in at_once:
            loads = {each: _load(each, connections, profile) for each in both}
            rounds: dict[Deployment, list[_Round]] = {each: [] for each in both}
            for _ in range(_ROUNDS):
                for each in both:
                    rounds[each].append(await _measured(each, loads[each]))
            _note(section, connections, rounds[limited], rounds[plain])


async def _measured(deployment: Deployment, load: Load) -> _Round:
    before = [deployment.cpu(name) for name in ("gateway", "nats")]
    posted = (await post_from_outside(load)).check()
    spent = [deployment.cpu(name) for name in ("gateway", "nats")]
    jobs = sum(posted.statuses.values())
    gateway, nats = ((s - b) * 1000 / jobs for s, b in zip(spent, before, strict=True))
    return _Round(posted, gateway, nats)


def _load(deployment: Deployment, at_once: int, profile: Profile) -> Load:
    return Load(
        url=deployment.jobs_of(_project(deployment)),
        body=_BODY,
        key=deployment.key,
        at_once=at_once,
        seconds=profile.seconds,
    )


def _project(deployment: Deployment) -> str:
    """A new project; where keys are wanted, one that has a budget and a quota."""
    name = f"p{secrets.token_hex(4)}"
    if deployment.key:
        deployment.send("PATCH", f"/v1/projects/{name}", {"quotas": _QUOTA})
        deployment.send("PUT", f"/v1/projects/{name}/budget", _BUDGET)
    return name


@contextmanager
def _limited() -> Iterator[Deployment]:
    """A deployment with keys, used with an admin key."""
    with new_home() as home:
        file = home / "first-key"
        settings = {"HELIOGRAPH_AUTH": "keys", "HELIOGRAPH_FIRST_KEY_FILE": str(file)}
        with deployment(home / "heliograph", **settings) as running:
            running.key = file.read_text().strip()
            yield running


def _note(section: Section, at_once: int, ours: list[_Round], plain: list[_Round]) -> None:
    what = f"{at_once} at once, with a key, a budget and a quota"
    rates = [median(each.posted.rate for each in rounds) for rounds in (ours, plain)]
    section.note(
        f"accepted, {what}",
        rates[0],
        "jobs/s",
        peer=(_PEER, rates[1]),
        note=f"medians of {_ROUNDS} rounds, in turn; {_processor_time(ours)}, and without "
        f"{_processor_time(plain)}; the price is held in the commit of `accepted`",
    )
    for name in ("p50", "p99"):
        own, peer = (median(getattr(each.posted, name) for each in r) for r in (ours, plain))
        section.note(f"POST to 202, {what}, {name}", own, "ms", peer=(_PEER, peer))


def _processor_time(rounds: list[_Round]) -> str:
    gateway, nats = (median(getattr(each, name) for each in rounds) for name in ("gateway", "nats"))
    return f"{gateway:.2f} + {nats:.2f} ms of CPU each of gateway and NATS"
