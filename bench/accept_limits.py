"""Acceptance with an API key, a price, a budget and a quota, next to acceptance without them."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

import httpx

from bench.deployment import Deployment, deployment, new_home, post_from_outside, scene
from bench.figures import Section
from bench.http_load import Load, Posted
from bench.profiles import Profile

_ROUNDS = 3  #: of each load, in turn with and without: a disk is faster at some times
_PEER = "without a key, a budget and a quota"
_SECONDS_TO_HEAR = 30.0  #: at most, for a first budget: gateways are told before it is counted

_BUDGET = {"day": "100000", "month": "1000000", "total": "10000000"}
_QUOTA = {"requests": {"limit": 1_000_000, "window_seconds": 60}}
_BODY = scene(price="0.001")


async def accept_with_limits(profile: Profile, section: Section, at_once: tuple[int, ...]) -> None:
    """The same load on two deployments in turn: one with keys, a budget and a quota, one without."""
    with deployment() as plain, _limited() as (limited, key):
        plain.change_lane("text", paused=True)
        for connections in at_once:
            loads = {
                plain: _load(plain, connections, profile, None),
                limited: _load(limited, connections, profile, key),
            }
            found: dict[Deployment, list[Posted]] = {plain: [], limited: []}
            for _ in range(_ROUNDS):
                for each, load in loads.items():
                    found[each].append((await post_from_outside(load)).check())
            _note(section, connections, found[limited], found[plain])


def _load(deployment: Deployment, at_once: int, profile: Profile, key: str | None) -> Load:
    return Load(
        url=deployment.jobs_of(_project(deployment, key)),
        body=_BODY,
        key=key,
        at_once=at_once,
        seconds=profile.seconds,
    )


def _project(deployment: Deployment, key: str | None) -> str:
    """A new project; with a key, one that has a budget and a quota."""
    name = f"p{secrets.token_hex(4)}"
    if key:
        url = f"/v1/projects/{name}"
        _send(deployment, key, "PATCH", url, {"quotas": _QUOTA})
        _send(deployment, key, "PUT", f"{url}/budget", _BUDGET)
    return name


@contextmanager
def _limited() -> Iterator[tuple[Deployment, str]]:
    """A deployment with keys, and an admin key for it."""
    with new_home() as home:
        file = home / "first-key"
        settings = {"HELIOGRAPH_AUTH": "keys", "HELIOGRAPH_FIRST_KEY_FILE": str(file)}
        with deployment(home / "heliograph", **settings) as running:
            key = file.read_text().strip()
            _send(running, key, "PATCH", "/v1/lanes/text", {"paused": True})
            yield running, key


def _send(deployment: Deployment, key: str, method: str, path: str, body: dict[str, Any]) -> None:
    url = deployment.stack.url("gateway") + path
    headers = {"Authorization": f"Bearer {key}"}
    answer = httpx.request(
        method, url, json=body, headers=headers, timeout=_SECONDS_TO_HEAR, trust_env=False
    )
    answer.raise_for_status()


def _note(section: Section, at_once: int, ours: list[Posted], plain: list[Posted]) -> None:
    what = f"{at_once} at once, with a key, a budget and a quota"
    rates = [median(each.rate for each in posted) for posted in (ours, plain)]
    section.note(
        f"accepted, {what}",
        rates[0],
        "jobs/s",
        peer=(_PEER, rates[1]),
        note=f"medians of {_ROUNDS} rounds, in turn; the price is held in the commit of `accepted`",
    )
    for name in ("p50", "p99"):
        own, peer = (median(getattr(each, name) for each in posted) for posted in (ours, plain))
        section.note(f"POST to 202, {what}, {name}", own, "ms", peer=(_PEER, peer))
