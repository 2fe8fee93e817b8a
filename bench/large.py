"""One large output through storage: speed next to curl, memory, and how much disk it takes meanwhile."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from minio import Minio

from bench.deployment import Deployment, deployment, new_home, post_from_outside
from bench.figures import Section, say
from bench.http_load import Load
from bench.peer_runs import environment
from bench.peer_wholes import hosted_model, s3_server
from bench.peers.whole_task import BUCKET
from bench.profiles import Profile
from bench.timelines import timelines
from tests.support.films import film

_MIB = 2**20
_LOOK = 0.02  #: seconds between two looks at the disk
_PATIENCE = 900.0  #: seconds for everything
_MEMORY = 100  #: MiB that storage may have resident
_BODY = {"kind": "video", "model": "fal/veo-3.1", "prompt": "a lighthouse in a storm"}


async def run(profile: Profile, section: Section) -> None:
    with new_home() as folder:
        source = _film(folder / "film.mp4", profile.large_mib * _MIB)
        with hosted_model(environment(), source) as provider:
            say(f"  a film of {profile.large_mib} MiB")
            peer = profile.large_mib / await _by_curl(folder, f"{provider}/files/film.mp4")
            await _ours(provider, profile.large_mib, peer, section)


def _film(path: Path, size: int) -> Path:
    """A short film, and behind it a box that players pass over, up to a size."""
    head = film()
    length = size - len(head)
    path.write_bytes(head + length.to_bytes(4) + b"free")
    with path.open("r+b") as stream:
        stream.truncate(size)
    return path


async def _by_curl(folder: Path, url: str) -> float:
    """Seconds that curl needs to fetch a file and to put it into a store."""
    copy = folder / "copy.mp4"
    with s3_server(folder) as (place, (access_key, secret_key), _):
        store = Minio(place, access_key, secret_key, secure=False, region="us-east-1")
        target = store.presigned_put_object(BUCKET, "film.mp4")
        began = time.monotonic()
        await _curl("-o", str(copy), url)
        await _curl("-T", str(copy), target)
        return time.monotonic() - began


async def _curl(*arguments: str) -> None:
    process = await asyncio.create_subprocess_exec("curl", "-sS", "--fail", *arguments)
    if await process.wait():
        raise RuntimeError("curl failed")


async def _ours(provider: str, mib: int, peer: float, section: Section) -> None:
    with deployment(HELIOGRAPH_FAL_BASE_URL=provider, FAL_KEY="large") as running:
        project = f"p{secrets.token_hex(4)}"
        before = running.cpu("storage")
        async with _watched(running) as watched:
            load = Load(url=running.jobs_of(project), body=_BODY, at_once=1, count=1)
            (await post_from_outside(load)).check()
            times = await _until_stored(running, project)
        spent = running.cpu("storage") - before
        section.note(
            f"a film of {mib} MiB",
            mib / (times["succeeded"] - times["rendered"]),
            "MiB/s",
            peer=("curl -o and curl -T", peer),
            note=f"{spent:.1f} s of CPU of storage",
        )
        section.note("memory of storage meanwhile", watched["memory"], "MiB", at_most=_MEMORY)
        section.note("local copies at once, at most", watched["disk"] / mib, "of its size")


async def _until_stored(deployment: Deployment, project: str) -> dict[str, float]:
    async with deployment.bus() as bus, asyncio.timeout(_PATIENCE):
        while True:
            for times in (await timelines(bus, project)).values():
                if "failed" in times:
                    raise RuntimeError("the film was not stored")
                if "succeeded" in times:
                    return times
            await asyncio.sleep(0.5)


@asynccontextmanager
async def _watched(deployment: Deployment) -> AsyncIterator[dict[str, float]]:
    """MiB that storage has in memory, and that lie in its temporary folder, at most."""
    most = {"memory": 0.0, "disk": 0.0}

    async def watch() -> None:
        while True:
            most["memory"] = max(most["memory"], _resident(deployment.stack.pid("storage")))
            most["disk"] = max(most["disk"], _size(deployment.stack.home / "tmp"))
            await asyncio.sleep(_LOOK)

    watching = asyncio.create_task(watch())
    try:
        yield most
    finally:
        watching.cancel()


def _resident(pid: int | None) -> float:
    """MiB of one process; what it started to decode films is not in it."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if "VmRSS" in line).split()[1]) / 1024


def _size(folder: Path) -> float:
    size = 0
    for file in folder.rglob("*"):
        try:
            size += file.stat().st_size if file.is_file() else 0
        except FileNotFoundError:
            continue
    return size / _MIB
