"""The demo: a portrait and a reference pair, from prompt to stored picture, watched live."""

import asyncio
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from heliograph import Client, Job
from heliograph.cli.progress_bars import show_progress
from heliograph.runtime.settings import ServiceSettings
from heliograph.runtime.startup import StartupError

KEEPER = "a lighthouse keeper at dusk, oil on canvas"
ALICE = "Alice, a cartographer with ink-stained hands, travelling coat, calm eyes"


class Cast(NamedTuple):
    """The provider of the demo's pictures, and its parameters beside the prompt."""

    model: str
    portrait: dict[str, Any]
    pair: dict[str, Any]


_PNG = {"output_format": "png"}
CASTS = {
    "sim": Cast("sim/picture", {"seconds": 4, "seed": 7}, {"seconds": 3, "steps": 12}),
    "fal": Cast("fal/flux-schnell", {"seed": 7, **_PNG}, _PNG),
}  #: by provider
_TIMEOUT = 180.0  #: seconds for all three


class NoKey(StartupError):
    """The provider of the demo has no credentials; the message names the setting."""


def check_provider(settings: ServiceSettings, provider: str) -> None:
    """Raises NoKey."""
    reason = settings.unusable_providers.get(provider)
    if reason:
        raise NoKey(f"{reason}: set it in the environment or in `.env`, or run `make demo` alone")


async def run_demo(settings: ServiceSettings, console: Console, provider: str) -> bool:
    """Make three pictures, show them come, check every byte. True when all is well."""
    folder = settings.folder.folder("demo")
    async with Client(settings.gateway_url, project="demo") as client:
        jobs = await _submit(client, CASTS[provider])
        names = {job.id: job.slot or job.kind for job in jobs}
        console.print(f"{len(jobs)} jobs accepted by {client.url}", highlight=False)
        try:
            async with asyncio.timeout(_TIMEOUT), client.follow(*names) as events:
                ended = await show_progress(events, names, console)
        except TimeoutError:
            await _print_unfinished(client, jobs, console)
            return False
        checked = [await _check(client, job, folder, console) for job in ended]
    console.print(f"\nThe API is documented at {settings.gateway_url}/docs while `make up` runs.")
    return all(checked)


async def _submit(client: Client, cast: Cast) -> list[Job]:
    look = {"aspect_ratio": "3:4", **cast.pair}
    portrait = client.submit(
        kind="portrait", prompt=KEEPER, model=cast.model, parameters=cast.portrait
    )
    pair = [
        client.submit(
            kind="cast_ref", prompt=f"{ALICE}, {view}", model=cast.model, slot=slot, parameters=look
        )
        for view, slot in (("front", "cast/alice/ref_a"), ("profile", "cast/alice/ref_b"))
    ]
    return list(await asyncio.gather(portrait, *pair))


async def _print_unfinished(client: Client, jobs: list[Job], console: Console) -> None:
    """Print the reason why each job waits; a provider that refuses our key is waited for."""
    console.print(f"\nnot finished after {_TIMEOUT:g} s", style="red")
    for job in jobs:
        latest = await client.get(job.id)
        console.print(f"{job.id} {latest.status}: {latest.detail or latest.phase}", style="red")


async def _check(client: Client, job: Job, folder: Path, console: Console) -> bool:
    """Download what a job made; the client refuses bytes whose digest is wrong."""
    if job.status != "succeeded":
        reason = job.error.detail if job.error else job.status
        console.print(f"\n{job.id} {job.status}: {reason}", style="red")
        return False
    for asset in job.assets:
        name = (job.slot or job.kind).replace("/", "-")
        file = await client.download(asset, folder / f"{name}.png")
        size = (await asyncio.to_thread(file.stat)).st_size
        console.print(
            f"\n{job.slot or job.kind}: {asset.media_type}, {asset.width}x{asset.height},"
            f" {size:,} bytes, SHA-256 {asset.sha256} checked",
            highlight=False,
        )
        console.print(asset.url, soft_wrap=True, highlight=False, markup=False)
        console.print(f"kept as {file}", soft_wrap=True, highlight=False, markup=False)
    return True
