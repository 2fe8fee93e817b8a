"""Processor time and memory of a process and of all that it started."""

import os
from pathlib import Path


def cpu_of(pid: int) -> float:
    """Seconds of processor time of a process, and of all that it started."""
    return sum(_spent(each) for each in process_tree(pid))


def memory_of(pid: int) -> float:
    """MiB that a process and all that it started have resident; what they share counts for each."""
    pages = sum(_resident(each) for each in process_tree(pid))
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def process_tree(pid: int) -> list[int]:
    """A process, and those that it started, and so on."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rsplit(")", 1)[1].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        parents.setdefault(parent, []).append(int(stat.parent.name))
    pids = [pid]
    for each in pids:
        pids += parents.get(each, [])
    return pids


def _spent(pid: int) -> float:
    """With its children that have ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0
