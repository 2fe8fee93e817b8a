"""
What a job costs the NATS server for as long as its key is kept: memory and disk by number of jobs.

    python -m bench.subjects [jobs]

Each job keeps one subject in the event log, and its last event. The server runs alone; what is measured is
its resident memory, before and after a restart, and the size of the stream.
"""

import asyncio
import sys
from pathlib import Path

from bench.deployment import new_home
from bench.log_seed import Seeder
from heliograph.runtime.bus.nats_bus import NatsBus
from tests.support.records import CURRENT_CATALOG
from tests.support.servers.programs import Program, nats_program

STEPS = 4
ROOM = 4 * 2**30  #: bytes of the event log
_SETTLED = 5.0  #: seconds after a restart
_MIB = 2**20


async def main(jobs: int) -> None:
    with new_home() as home, nats_program(home) as server:
        settings = server.settings.model_copy(update={"events_max_bytes": ROOM})
        bus = NatsBus(settings, CURRENT_CATALOG, "bench")
        await bus.open()
        empty = _memory(server)
        print(f"empty: {empty / _MIB:.0f} MiB")  # noqa: T201
        for step in range(1, STEPS + 1):
            await Seeder(bus.jetstream).canceled("bench", jobs // STEPS)
            state = (await bus.jetstream.api("STREAM.INFO.EVENTS"))["state"]
            number = step * jobs // STEPS
            each = (_memory(server) - empty) / number
            print(  # noqa: T201
                f"{number:,} jobs: {_memory(server) / _MIB:.0f} MiB, {each:.0f} bytes of memory and "
                f"{state['bytes'] / number:.0f} bytes of disk each"
            )
        await bus.close()
        server.kill()
        server.start()
        await asyncio.sleep(_SETTLED)
        print(f"after a restart: {_memory(server) / _MIB:.0f} MiB")  # noqa: T201


def _memory(server: Program) -> int:
    assert server.running
    lines = Path(f"/proc/{server.running.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000))
