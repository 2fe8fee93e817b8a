"""
`python -m deploy.local up` keeps everything running; `demo` makes three pictures and stops; `servers` keeps
NATS and S3 running without any service, for a restore.
"""

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Coroutine

from rich.console import Console

from deploy.local.demo import CASTS, check_provider, run_demo
from deploy.local.disk import check_disk
from deploy.local.processes import ports, processes, server_ports, servers
from deploy.local.readiness import addresses, check_ports, until_bound, until_ready
from deploy.local.settings import LocalSettings
from deploy.local.supervisor import Supervisor
from heliograph.operator.provisioning import provision
from heliograph.runtime.catalog.load import load_catalog
from heliograph.runtime.startup import StartupError, read_settings

_READY_TIMEOUT = 60.0  #: seconds for the demo's services to come up


def main() -> int:
    """Exit code 0: all well; 1: the demo failed; 2: it could not start."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description=__doc__)
    parser.add_argument("what", choices=["up", "demo", "servers"])
    parser.add_argument("--provider", choices=CASTS, default="sim", help="provider of the demo")
    arguments = parser.parse_args()
    try:
        settings = read_settings(LocalSettings)
        check_provider(settings, arguments.provider)
        load_catalog(settings)
        settings.folder.make_private()
        if settings.nats_url is None:
            check_disk(settings)
        return asyncio.run(_until_signal(_work(settings, arguments)))
    except StartupError as error:
        print(error, file=sys.stderr)
    return 2


def _work(settings: LocalSettings, arguments: argparse.Namespace) -> Coroutine[None, None, int]:
    """Raises PortsTaken."""
    is_whole = arguments.what != "servers"
    check_ports(settings.host, ports(settings) if is_whole else server_ports(settings))
    match arguments.what:
        case "up":
            return up(settings)
        case "demo":
            return demo(settings, arguments.provider)
    return keep_servers(settings)


async def _until_signal(work: Coroutine[None, None, int]) -> int:
    """
    The work's exit code; 0 when SIGINT or SIGTERM ended it. The second signal ends what is still
    waited for.
    """
    loop, working = asyncio.get_running_loop(), asyncio.create_task(work)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, working.cancel)
    try:
        return await working
    except asyncio.CancelledError:
        return 0


async def up(settings: LocalSettings) -> int:
    """Start everything, print the URLs when it is ready, and stay."""
    async with Supervisor(processes(settings), settings):
        began = time.monotonic()
        await _until_all_is_ready(settings)
        print(f"ready {settings.gateway_url}", flush=True)
        seconds = time.monotonic() - began
        print(f"(in {seconds:.1f} s; Ctrl-C stops everything)", file=sys.stderr)
        if settings.nats_url is None:
            file = settings.folder.nats_credentials_file
            print(f"(NATS at {settings.nats}, credentials in {file})", file=sys.stderr)
        await asyncio.Event().wait()
    return 0


async def keep_servers(settings: LocalSettings) -> int:
    """Start NATS and S3, print their addresses, and stay."""
    async with Supervisor(servers(settings), settings):
        await until_bound(settings.host, server_ports(settings))
        print(f"ready {settings.nats}", flush=True)
        await asyncio.Event().wait()
    return 0


async def _until_all_is_ready(settings: LocalSettings) -> None:
    """Provision the bundled NATS server, for which services wait; theirs make nothing."""
    if settings.nats_url is None:
        await until_bound(settings.host, server_ports(settings))
        await provision(settings)
    await until_ready(*addresses(settings))


async def demo(settings: LocalSettings, provider: str) -> int:
    """Start, show, stop."""
    console = Console()
    logs = settings.folder.folder("logs")
    async with Supervisor(processes(settings), settings, quiet=True):
        began = time.monotonic()
        try:
            async with asyncio.timeout(_READY_TIMEOUT):
                await _until_all_is_ready(settings)
        except TimeoutError:
            console.print(f"not ready after {_READY_TIMEOUT:g} s; see {logs}", style="red")
            return 1
        console.print(f"ready in {time.monotonic() - began:.1f} s; logs are in {logs}")
        well = await run_demo(settings, console, provider)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
