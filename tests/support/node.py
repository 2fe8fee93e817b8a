"""Programs in JavaScript that use the built TypeScript client, under the Node of this environment."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from deploy.local.processes import ROOT
from tests.support.servers.server import missing

CLIENT = ROOT / "clients" / "typescript" / "dist" / "heliograph.js"

#: the programs of this environment come first: Node is among them
ENVIRONMENT = {
    **os.environ,
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
}


@asynccontextmanager
async def node(program: Path, *arguments: str) -> AsyncIterator[Process]:
    """A running program, killed when the block ends. Skips the test where the client is not built."""
    if not CLIENT.exists():
        missing("the TypeScript client is not built (make client)")
    interpreter = Path(sys.executable).parent / "node"
    process = await asyncio.create_subprocess_exec(
        interpreter, program, *arguments, stdout=PIPE, stderr=PIPE, start_new_session=True
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # `node` of the wheel starts another process
        await process.wait()


async def output_of(program: Path, *arguments: str, timeout: float = 120) -> list[str]:
    """The lines that a program writes until its end, which must be a good one."""
    async with node(program, *arguments) as process, asyncio.timeout(timeout):
        output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return output.decode().splitlines()


async def run(program: Path, *arguments: str, cwd: Path) -> None:
    """Run a program of an npm package to its end; what it says is the failure."""
    process = await asyncio.create_subprocess_exec(
        program, *arguments, cwd=cwd, env=ENVIRONMENT, stdout=PIPE, stderr=STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
