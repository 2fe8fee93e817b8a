"""
`python -m bench accept`, and so on; `all` of them. `targets` prints the targets of a run, `table`
writes docs/performance.md, and `reference` makes the run that the page is of.
"""

import argparse
import asyncio
import importlib
import sys
import time
from pathlib import Path

from bench.figures import REFERENCE, Journal, Section, say
from bench.profiles import PROFILES, Profile
from bench.reference import run_reference
from bench.tables import write_table
from bench.targets import print_targets

BENCHES = (
    "accept",
    "dispatch",
    "fairness",
    "makespan",
    "live",
    "herd",
    "slow",
    "weight",
    "growth",
    "cost_curve",
    "whole",
    "large",
    "console",
)


def main() -> int:
    """Exit code 1 when a benchmark broke; a missed target is a result."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("what", choices=[*BENCHES, "all", "reference", "targets", "table"])
    parser.add_argument("--profile", choices=PROFILES, help="full for the reference, else short")
    parser.add_argument("--into", type=Path, help="results of a run that is continued")
    parser.add_argument("--file", type=Path, default=REFERENCE, help="results for a table")
    arguments = parser.parse_args()
    if arguments.what == "table":
        write_table(arguments.file)
        return 0
    if arguments.what == "targets":
        print_targets(arguments.file)
        return 0
    is_reference = arguments.what == "reference"
    profile = PROFILES[arguments.profile or ("full" if is_reference else "short")]
    if is_reference:
        return run_reference(BENCHES, profile)
    names = BENCHES if arguments.what == "all" else (arguments.what,)
    journal = Journal(profile.name, arguments.into)
    broken = [name for name in names if not _run(name, profile, journal)]
    if arguments.into is None:
        print_targets(journal.file)
        say(f"results: {journal.file}")
    for name in broken:
        say(f"broken: {name}")
    return 1 if broken else 0


def _run(name: str, profile: Profile, journal: Journal) -> bool:
    say(f"{name} ({profile.name})")
    began = time.monotonic()
    try:
        asyncio.run(importlib.import_module(f"bench.{name}").run(profile, Section(journal, name)))
    except Exception as error:  # noqa: BLE001  # the other benchmarks still have something to say
        say(f"  {type(error).__name__}: {error}")
        return False
    finally:
        say(f"  {time.monotonic() - began:.0f} s")
    return True


if __name__ == "__main__":
    sys.exit(main())
