"""Image workers: a pool of sandboxed processes that measure media and make smaller variants."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import stamina

from heliograph.contracts.errors import OutputRefused, Unavailable
from services.storage.content import Body
from services.storage.fair_semaphore import FairSemaphore

_TIMEOUT = 60.0  #: seconds for one try
_TRIES = 2  #: this process may have stood still during the first
_CONCURRENCY = 3  #: programs; one project has two of them at most
_NICE, _NICE_BEHIND = 5, 10  #: how much the program stands back for everything else

#: of glibc's malloc; others pass over it. Huge pages, and pictures of up to 32 MiB from a heap that grows in
#: large steps and keeps what it has: a fork begins without memory of its own, and would take each page by
#: itself, and again what it gave back between two steps of its work or two pictures
_MALLOC = ":".join(
    f"glibc.malloc.{name}={value}"
    for name, value in {
        "hugetlb": 1,
        "mmap_threshold": 32 * 2**20,
        "trim_threshold": 256 * 2**20,
        "top_pad": 16 * 2**20,
    }.items()
)


class Undecodable(OutputRefused):
    """The output is damaged or cut off."""


class ImageVariant(NamedTuple):
    """Variant of an output."""

    body: Body
    width: int | None  #: pixels; None for what is not a picture
    height: int | None
    media_type: str = "image/webp"
    still: bool = False  #: one frame of an animation
    thumbhash: str | None = None  #: base64


class Inspection(NamedTuple):
    """Properties of an output; of a picture, turned upright."""

    width: int | None  #: pixels; None for what is not a picture, or not decodable
    height: int | None  #: pixels
    variants: dict[str, ImageVariant]
    undecodable: bool = False
    duration: float | None = None  #: seconds, of a film
    codec: str | None = None  #: of a film's pictures


class ImageWorkers:
    """A few inspector programs, started when they are first needed."""

    def __init__(self, *, max_pixels: int) -> None:
        self._max_pixels = max_pixels
        self._idle: list[tuple[str, Process]] = []  #: with the project of their last picture
        self._permits = FairSemaphore(_CONCURRENCY)

    async def inspect(
        self,
        source: Path,
        folder: Path,
        project: str,
        *,
        behind: bool = False,
        lenient: bool = False,
    ) -> Inspection:
        """
        Open a picture; its variants are written into `folder`.

        Args:
            project: Projects take turns.
            behind: It waits for pictures that are not.
            lenient: Decode what is there of a picture that is damaged or cut off.

        Raises:
            Undecodable: The pixels are damaged or incomplete; fetch the picture again, or decode it
                leniently.
            OutputRefused: The picture exceeds the limits.
            Unavailable: The image worker had no result in time; try again later.
        """
        request = {
            "source": str(source),
            "folder": str(folder),
            "project": project,
            "max_pixels": self._max_pixels,
            "lenient": lenient,
            "nice": _NICE_BEHIND if behind else _NICE,
        }
        result = await self._result_in_time(request, project, behind)
        if "error" in result:
            refusal = OutputRefused if result.get("decodable", True) else Undecodable
            raise refusal(f"the picture cannot be opened: {result['error']}")
        variants = {
            name: _variant(made, still=result["animated"])
            for name, made in result["variants"].items()
        }
        return Inspection(result["width"], result["height"], variants)

    async def inspect_film(
        self, source: Path, folder: Path, project: str, media_type: str
    ) -> Inspection:
        """
        Open a film; its poster is written into `folder`.

        Raises:
            Undecodable: The film is incomplete or cannot be read; fetch it again.
            OutputRefused: The file is not a film, or exceeds the limits.
            Unavailable: The image worker had no result in time; try again later.
        """
        request = {
            "source": str(source),
            "folder": str(folder),
            "project": project,
            "max_pixels": self._max_pixels,
            "film": media_type,
            "nice": _NICE,
        }
        result = await self._result_in_time(request, project, behind=False)
        if "error" in result:
            refusal = OutputRefused if result.get("decodable", True) else Undecodable
            raise refusal(f"the film cannot be opened: {result['error']}")
        variants = {name: _variant(made, still=True) for name, made in result["variants"].items()}
        return Inspection(
            result["width"],
            result["height"],
            variants,
            undecodable=not variants,
            duration=result["duration"],
            codec=result["codec"],
        )

    async def _result_in_time(
        self, request: dict[str, Any], project: str, behind: bool
    ) -> dict[str, Any]:
        """The fork itself refuses too much work, in a result, so a late result is not the picture's fault."""

        async def attempt() -> dict[str, Any]:
            async with self._permits.permit(project, behind=behind), asyncio.timeout(_TIMEOUT):
                return await self._result(request)

        retrying = stamina.AsyncRetryingCaller(attempts=_TRIES, timeout=None, wait_max=0)
        try:
            return await retrying((TimeoutError, EOFError, ConnectionError), attempt)
        except (TimeoutError, EOFError, ConnectionError):
            raise Unavailable("the picture could not be opened in time") from None

    async def _result(self, request: dict[str, Any]) -> dict[str, Any]:
        if self._idle:
            with suppress(EOFError, ConnectionError):  # it died since its last request
                return await self._ask(self._idle_program(request["project"]), request)
        return await self._ask(await _start(), request)

    def _idle_program(self, project: str) -> Process:
        """That with a fork of the project, if there is one."""
        projects = [each for each, _ in self._idle]
        index = projects.index(project) if project in projects else -1
        return self._idle.pop(index)[1]

    async def _ask(self, program: Process, request: dict[str, Any]) -> dict[str, Any]:
        try:
            result = await _exchange(program, request)
        except BaseException:
            await _end(program)
            raise
        self._idle.append((request["project"], program))
        return result

    async def aclose(self) -> None:
        """Stop the idle worker processes."""
        while self._idle:
            await _end(self._idle.pop()[1])


def _variant(made: dict[str, Any], *, still: bool) -> ImageVariant:
    path, thumbhash = Path(made["path"]), made.get("thumbhash")
    return ImageVariant(path, made["width"], made["height"], still=still, thumbhash=thumbhash)


async def _start() -> Process:
    program = (sys.executable, "-m", "services.storage.media.image_worker")
    return await asyncio.create_subprocess_exec(
        *program,
        stdin=PIPE,
        stdout=PIPE,
        start_new_session=True,
        env={"GLIBC_TUNABLES": _MALLOC},  # a process that decodes untrusted files gets no secrets
    )


async def _end(program: Process) -> None:
    """End a program and its fork, which would hold on to the pipes."""
    with suppress(ProcessLookupError):
        os.killpg(program.pid, signal.SIGKILL)
    await program.wait()


async def _exchange(program: Process, request: dict[str, Any]) -> dict[str, Any]:
    assert program.stdin
    assert program.stdout
    program.stdin.write(json.dumps(request).encode() + b"\n")
    await program.stdin.drain()
    reading = asyncio.create_task(program.stdout.readline())
    ending = asyncio.create_task(program.wait())  # its fork would keep the pipe open
    try:
        await asyncio.wait([reading, ending], return_when=asyncio.FIRST_COMPLETED)
        line = reading.result() if reading.done() else b""
    finally:
        for task in (reading, ending):
            task.cancel()
        await asyncio.gather(reading, ending, return_exceptions=True)
    if not line:
        raise EOFError("the inspector ended")
    result: dict[str, Any] = json.loads(line)
    return result
