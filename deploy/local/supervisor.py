"""
Keeps processes running: starts them, starts them again when they die, and leaves nothing behind.

The usual process runners stop everything when one process exits. Here a process that dies is what
the whole system is built to survive, so it is started again, with a growing pause if it insists.
"""

import asyncio
import signal
import sys
import time
from collections.abc import Coroutine, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Self, TextIO

from deploy.local.disk import has_room
from deploy.local.environment import environment_of, surroundings
from deploy.local.lifetime import end_with_parent
from deploy.local.log_rotation import RotatingLog
from deploy.local.processes import GRACE, ROOT, Process
from deploy.local.settings import LocalSettings

_FIRST_PAUSE = 0.2  #: seconds before a process that died is started again
_STABLE_AFTER = 10.0  #: seconds of life after which the pause is short again
_COLORS = (36, 33, 35, 32, 34, 31)
_POLL_INTERVAL = 1.0  #: seconds between looks at a full disk
_LINE_LIMIT = 1024 * 1024  #: bytes


def before_exec(_process: Process, _environment: Mapping[str, str], /) -> None:
    """Runs in each new child process, before its program does."""
    end_with_parent()


class Supervised:
    """A supervised process, restarted when it ends."""

    def __init__(self, process: Process, settings: LocalSettings, console: "LogConsole") -> None:
        self.name = process.name
        self._process = process
        self._home = settings.folder
        self._longest_pause = settings.restart_pause
        self._everything = surroundings()
        self._further = settings.pass_variables
        self._log_limit = settings.log_max_bytes
        self._logs_kept = settings.logs_kept
        self._console = console
        self._running: asyncio.subprocess.Process | None = None
        self._stopping = False
        self._stuck = asyncio.Event()

    @property
    def pid(self) -> int | None:
        return self._running.pid if self._running else None

    async def run(self) -> None:
        """Restart the process until it is stopped."""
        pause = _FIRST_PAUSE
        while not self._stopping:
            began = time.monotonic()
            code = await self._live()
            if self._stopping:
                return
            if time.monotonic() - began > _STABLE_AFTER:
                pause = _FIRST_PAUSE
            self._console.say(f"{self.name} ended ({_outcome(code)}), again in {pause:g} s")
            await asyncio.sleep(pause)
            pause = min(2 * pause, self._longest_pause)

    async def _live(self) -> int:
        """Run the process once, and return its exit code."""
        self._stuck.clear()
        environment = self._environment()
        self._running = await asyncio.create_subprocess_exec(
            *self._process.command,
            cwd=ROOT,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=partial(before_exec, self._process, environment),
            limit=_LINE_LIMIT,
        )
        pid_file = None if self._process.keeps_pid else self._home.pid_file(self.name)
        if pid_file:
            with suppress(OSError):  # the disk is full; it lives all the same
                pid_file.write_text(f"{self._running.pid}\n")
        healing = asyncio.create_task(self._end_when_stuck(self._running))
        try:
            await self._copy_output(self._running)
            return await self._running.wait()
        finally:
            healing.cancel()
            if pid_file:
                pid_file.unlink(missing_ok=True)

    async def _end_when_stuck(self, running: asyncio.subprocess.Process) -> None:
        """End a process that cannot write any more, once the disk has room: it is started again."""
        await self._stuck.wait()
        self._console.say(f"{self.name} cannot write any more; waiting for room on the disk")
        while not has_room(self._home.path):  # noqa: ASYNC110  # there is no notification for free disk space
            await asyncio.sleep(_POLL_INTERVAL)
        self._stuck.clear()
        self._console.say(f"{self.name} has room again: it is ended, to be started again")
        await self._end(running)

    def _environment(self) -> dict[str, str]:
        given = environment_of(self._process.role, self._everything, further=self._further)
        return {**given, **self._process.environment, "PYTHONUNBUFFERED": "1"}

    async def _copy_output(self, running: asyncio.subprocess.Process) -> None:
        assert running.stdout
        file, limit, kept = self._home.log_file(self.name), self._log_limit, self._logs_kept
        with RotatingLog(file, limit=limit, kept=kept) as log:
            while line := await _line(running.stdout):
                with suppress(OSError):  # on a full disk: a process whose output is not read blocks
                    log.write(line)
                self._console.show(self.name, line)
                if self._process.stuck and self._process.stuck.search(line):
                    self._stuck.set()

    async def stop(self) -> None:
        """Ask it to end; make it, if it takes too long."""
        self._stopping = True
        if self._running is not None and self._running.returncode is None:
            await self._end(self._running)

    async def _end(self, running: asyncio.subprocess.Process) -> None:
        with suppress(ProcessLookupError):
            running.terminate()
        try:
            async with asyncio.timeout(self._process.grace):
                await self._patiently(running)
        except TimeoutError:
            self._console.say(f"{self.name} does not end: killed")
            await self._kill(running)
        except asyncio.CancelledError:
            self._console.say(f"{self.name} is not waited for: killed")
            await self._kill(running)
            raise

    async def _patiently(self, running: asyncio.subprocess.Process) -> None:
        if self._process.grace <= GRACE:
            await running.wait()
            return
        try:
            async with asyncio.timeout(GRACE):
                await running.wait()
        except TimeoutError:
            self._console.say(
                f"{self.name} waits for responses that are paid for, for {self._process.grace:g} s at"
                " most; another signal ends it at once"
            )
            await running.wait()

    async def _kill(self, running: asyncio.subprocess.Process) -> None:
        with suppress(ProcessLookupError):
            running.kill()
        await running.wait()


class LogConsole:
    """Console output of all processes."""

    def __init__(self, names: Iterable[str], stream: TextIO, *, quiet: bool = False) -> None:
        self._names = list(names)
        self._width = max(map(len, [*self._names, "local"]))
        self._stream = stream
        self._quiet = quiet

    def show(self, name: str, line: str) -> None:
        if not self._quiet:
            self._write(name, line)

    def say(self, sentence: str) -> None:
        """Print a line about the supervisor itself."""
        self._write("local", sentence + "\n")

    def _write(self, name: str, line: str) -> None:
        label = f"{name:<{self._width}} |"
        if self._stream.isatty() and name in self._names:
            color = _COLORS[self._names.index(name) % len(_COLORS)]
            label = f"\x1b[{color}m{label}\x1b[0m"
        self._stream.write(f"{label} {line}")
        self._stream.flush()


class Supervisor:
    """All processes. Use as a context: what it started is gone when the block ends."""

    def __init__(
        self, processes: list[Process], settings: LocalSettings, *, quiet: bool = False
    ) -> None:
        self.console = LogConsole([p.name for p in processes], sys.stderr, quiet=quiet)
        self._all = [Supervised(process, settings, self.console) for process in processes]
        self._lives: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._lives = [asyncio.create_task(each.run()) for each in self._all]
        return self

    async def __aexit__(self, *_: object) -> None:
        # services first: they still use the servers while they drain
        ours = [each for each in self._all if each.name not in ("nats", "s3")]
        servers = [each for each in self._all if each.name in ("nats", "s3")]
        for group in (ours, servers):
            await _all(each.stop() for each in group)
        for life in self._lives:
            life.cancel()
        await asyncio.gather(*self._lives, return_exceptions=True)


async def _all(stops: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Kill the process that did not end in time; the others keep their own deadlines."""
    tasks = [asyncio.create_task(each) for each in stops]
    try:
        await asyncio.gather(*tasks)
    except asyncio.CancelledError:
        await asyncio.wait(tasks)


async def _line(stream: asyncio.StreamReader) -> str:
    try:
        return (await stream.readline()).decode(errors="replace")
    except ValueError:  # longer than anything worth reading
        return "…\n"


def _outcome(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
