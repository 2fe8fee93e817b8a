"""Pictures, measured and made smaller by a program apart from us (see `inspector`)."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import Any, NamedTuple

from heliograph.contracts.errors import OutputRefused

_PATIENCE = 30.0  #: seconds for one picture
_AT_ONCE = 2  #: programs; decoding is all CPU


class MadeVariant(NamedTuple):
    """A lighter form of a picture, in a file of ours."""

    path: Path
    width: int
    height: int


class Inspection(NamedTuple):
    """What a picture is."""

    width: int  #: pixels
    height: int  #: pixels
    variants: dict[str, MadeVariant]


class Inspectors:
    """A few inspector programs, started when they are first needed."""

    def __init__(self, *, max_pixels: int) -> None:
        self._max_pixels = max_pixels
        self._idle: list[Process] = []
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def inspect(self, source: Path, folder: Path) -> Inspection:
        """
        Open a picture; its variants are written into `folder`.

        Raises:
            OutputRefused: It is no picture, or not one that can be opened within bounds.
        """
        request = {"source": str(source), "folder": str(folder), "max_pixels": self._max_pixels}
        async with self._places:
            program = self._idle.pop() if self._idle else await _start()
            try:
                async with asyncio.timeout(_PATIENCE):
                    answer = await _ask(program, request)
            except BaseException as error:
                program.kill()
                await program.wait()
                if isinstance(error, TimeoutError | EOFError | ConnectionError):
                    raise OutputRefused("the picture could not be opened in time") from error
                raise
            self._idle.append(program)
        if "error" in answer:
            raise OutputRefused(f"the picture cannot be opened: {answer['error']}")
        variants = {
            name: MadeVariant(Path(made["path"]), made["width"], made["height"])
            for name, made in answer["variants"].items()
        }
        return Inspection(answer["width"], answer["height"], variants)

    async def aclose(self) -> None:
        """Send the programs home."""
        for program in self._idle:
            program.kill()
            await program.wait()
        self._idle.clear()


async def _start() -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.storage.inspector", stdin=PIPE, stdout=PIPE
    )


async def _ask(program: Process, request: dict[str, Any]) -> dict[str, Any]:
    assert program.stdin
    assert program.stdout
    program.stdin.write(json.dumps(request).encode() + b"\n")
    await program.stdin.drain()
    line = await program.stdout.readline()
    if not line:
        raise EOFError("the inspector ended")
    answer: dict[str, Any] = json.loads(line)
    return answer
