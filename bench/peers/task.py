"""The task of a peer, and how it reports its times."""

import json
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """Jobs that sleep for `seconds`, at most `cap` of them at once."""

    cap: int
    seconds: list[float]
    nats: str
    redis: str


def task() -> Task:
    return Task(**json.loads(sys.argv[1]))


def report_times(times: list[tuple[float, float]]) -> None:
    sys.stdout.write(json.dumps(times) + "\n")
    sys.stdout.flush()
