"""Whether any of it gets slower when much has happened, and much waits."""

import asyncio
import secrets
import time
from dataclasses import replace
from datetime import timedelta

from bench.accept import accept
from bench.deployment import Deployment, deployment, new_home, picture
from bench.dispatch import latency
from bench.fairness import LENGTH, fairness
from bench.figures import Section, say
from bench.live import live
from bench.log_seed import Seeder
from bench.profiles import Profile
from bench.weight import note_memory, note_start

_PROJECTS = 100  #: that the finished jobs are of
_AGO = timedelta(days=1)
_RATE = 2.0  #: pictures per second
_PATIENCE = 600.0  #: seconds for the services to read what was written


async def run(profile: Profile, section: Section) -> None:
    big = f"big-{secrets.token_hex(4)}"
    brief = replace(
        profile,
        seconds=profile.seconds / 2,
        paced_seconds=profile.paced_seconds / 2,
        crowds=profile.crowds[-1:],
    )
    with new_home() as home:
        with deployment(home) as running:
            await _grow(running, profile, big)
        began = time.monotonic()
        with deployment(home) as running:
            note_start(time.monotonic() - began, section, "again")
            await _until_read(running, profile.queued)
            _note_reading(time.monotonic() - began, profile, section)
            note_memory(running, section, "idle", at_most=330)
            await fairness(running, big, profile, section)  # first: accepting leaves more guests
            await accept(running, brief, section)
            await live(running, brief, section)
            singles = profile.singles // 5
            # in another lane, whose pictures need a moment of the machine each
            await latency(running, singles, section, body=picture(), rate=_RATE)


async def _grow(deployment: Deployment, profile: Profile, big: str) -> None:
    """A past, and a queue."""
    deployment.change_lane("text", paused=True)
    projects = [f"p{number:03}" for number in range(_PROJECTS)]
    async with deployment.bus() as bus:
        seeder = Seeder(bus)
        say(f"  writing {profile.finished:,} finished jobs")
        await seeder.succeeded(projects, profile.finished, ago=_AGO)
        say(f"  writing {profile.queued:,} queued jobs")
        await seeder.queued([big], [LENGTH] * profile.queued)
    await _until_read(deployment, profile.queued)


async def _until_read(deployment: Deployment, queued: int) -> None:
    """Until the dispatcher knows of every job, and the read model has what there is."""
    async with asyncio.timeout(_PATIENCE):
        while deployment.waiting("text") < queued:
            await asyncio.sleep(0.25)
    await deployment.until_idle("status")


def _note_reading(seconds: float, profile: Profile, section: Section) -> None:
    note = f"{profile.queued:,} queued and {profile.finished:,} finished jobs"
    section.note("everything read again after a start", seconds, "s", note=note)
