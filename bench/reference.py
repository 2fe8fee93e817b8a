"""The reference run: every benchmark in a process of its own, one after the other, and the page of it."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence

from bench.figures import Journal, say
from bench.profiles import FULL, Profile
from bench.tables import write_table
from bench.targets import print_targets

_SETTLED = 5.0  #: seconds between two benchmarks
_QUIET = 0.5  #: load average of a core when nothing else runs, at most


def run_reference(benches: Sequence[str], profile: Profile) -> int:
    """Exit code 1 when a benchmark broke; the page is written of a whole run of the profile full."""
    busy = os.getloadavg()[0] / (os.cpu_count() or 1)
    if busy > _QUIET:
        say(
            f"load average {busy:.2f} a core: something else is running, and the figures will show it"
        )
    journal, began = Journal(profile.name), time.monotonic()
    broken = [bench for bench in benches if not _run(bench, profile, journal)]
    print_targets(journal.file)
    say(f"results: {journal.file}; {(time.monotonic() - began) / 60:.0f} minutes")
    if broken:
        say(f"broken, so that the page is not written: {', '.join(broken)}")
        return 1
    if profile is FULL:
        write_table(journal.file)
    return 0


def _run(bench: str, profile: Profile, journal: Journal) -> bool:
    command = [sys.executable, "-m", "bench", bench, "--profile", profile.name]
    succeeded = subprocess.run([*command, "--into", str(journal.file)], check=False).returncode == 0
    time.sleep(_SETTLED)
    return succeeded
