"""A fork opens small pictures of one project, one after the other; everything else has a fork of its own."""

import asyncio
import io
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from PIL import Image

from services.storage.media.images import ImageWorkers, Undecodable
from tests.support.timeouts import TIMEOUT

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(
        not Path("/proc/self/task").exists(), reason="processes are looked at in Linux's /proc"
    ),
]

_TRIES = 5  #: a fork waits for a second only, which a busy machine may take between two pictures


class ForkRig:
    """Image workers, whose forks are looked at."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._others = _children(os.getpid())
        self.workers = ImageWorkers(max_pixels=64_000_000)

    async def open(self, content: bytes, project: str, **options: Any) -> set[int]:
        """Open a picture. The forks that are there afterwards."""
        source = self._folder / "original"
        source.write_bytes(content)
        await self.workers.inspect(source, self._folder, project, **options)
        return self.forks()

    def forks(self) -> set[int]:
        programs = _children(os.getpid()) - self._others
        return {fork for program in programs for fork in _children(program)}

    async def open_two(self, first: str, second: str, **options: Any) -> tuple[set[int], set[int]]:
        """Open a small picture of each project. The forks after each of them."""
        return await self.open(small(), first), await self.open(small(), second, **options)


@pytest_asyncio.fixture(loop_scope="module")
async def rig(tmp_path: Path) -> AsyncIterator[ForkRig]:
    rig = ForkRig(tmp_path)
    yield rig
    await rig.workers.aclose()


def small() -> bytes:
    return encoded(Image.new("RGB", (40, 30), "teal"))


def encoded(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _children(process: int) -> set[int]:
    threads = Path(f"/proc/{process}/task").glob("*/children")
    return {int(child) for thread in threads for child in thread.read_text().split()}


async def test_small_pictures_of_one_project_are_opened_by_one_fork(rig: ForkRig) -> None:
    pairs = [await rig.open_two("demo", "demo") for _ in range(_TRIES)]

    assert any(first and first == second for first, second in pairs)


async def test_two_projects_never_share_a_fork(rig: ForkRig) -> None:
    pairs = [await rig.open_two("demo", "other") for _ in range(_TRIES)]

    assert not any(first & second for first, second in pairs)


async def test_a_picture_of_lower_priority_has_another_fork(rig: ForkRig) -> None:
    """A process can lower its priority, and not raise it again."""
    pairs = [await rig.open_two("demo", "demo", behind=True) for _ in range(_TRIES)]

    assert not any(first & second for first, second in pairs)


async def test_a_fork_that_waits_for_long_ends(rig: ForkRig) -> None:
    await rig.open(small(), "demo")

    async with asyncio.timeout(TIMEOUT):
        while rig.forks():
            await asyncio.sleep(0.05)


async def test_a_fork_that_died_while_it_waited_refuses_no_picture(rig: ForkRig) -> None:
    for fork in await rig.open(small(), "demo"):
        os.kill(fork, signal.SIGKILL)

    await rig.open(small(), "demo")


async def test_a_damaged_picture_is_the_last_of_its_fork(rig: ForkRig) -> None:
    await rig.open(small(), "demo")

    with pytest.raises(Undecodable):
        await rig.open(encoded(Image.effect_noise((200, 200), 90))[:9000], "demo")

    assert not rig.forks()


async def test_a_large_picture_is_the_last_of_its_fork(rig: ForkRig) -> None:
    """Its memory is given back at once."""
    assert not await rig.open(encoded(Image.new("RGB", (6000, 6000))), "demo")
