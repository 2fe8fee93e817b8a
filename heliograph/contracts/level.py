"""
Feature levels: the data that all processes of a deployment understand.

Fields of later releases are kept by older ones, and mean nothing to them. So a field or an event that changes
what a process decides is written only once every process understands it. The event log says since which level
that is: a new log begins at the level of its release, an older one stays at its own until an operator raises
it, when the last process of the older release is gone (`heliograph level raise`).

| Level | Release | What may be written since |
|---|---|---|
| 1 | 0.1.0 | |
| 2 | 0.2.0 | assets of the type text/plain, and of jobs that failed; budgets of projects |
"""

FIRST = 1  #: of a log without a level
TEXTS = 2  #: assets of the type text/plain, and of jobs that failed
BUDGETS = 2  #: budgets of projects, which older processes would not settle
LEVEL = 2  #: of this release

KEY = "level"  #: in the metadata of EVENTS


def level_of(metadata: dict[str, str]) -> int:
    """The level in what is noted beside the log. The first level where there is no valid one."""
    value = metadata.get(KEY, "")
    return int(value) if value.isdecimal() and int(value) >= FIRST else FIRST
