"""Reads a trace of Chromium: what the main thread of a page did between two frames."""

import json
from collections import Counter, defaultdict
from typing import Any

_FRAME = 1 / 60  #: seconds
_TASK = "RunTask"


def frame_work(trace: bytes) -> list[float]:
    """
    Seconds of processor time in each sixtieth of a second in which there was any.

    A task that began in a frame counts for that frame, however long it took.
    """
    events: list[dict[str, Any]] = json.loads(trace)["traceEvents"]
    main = {
        (event["pid"], event["tid"])
        for event in events
        if event.get("name") == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    tasks = [e for e in events if e["name"] == _TASK and "tdur" in e and _thread(e) in main]
    [(busiest, _)] = _work(tasks).most_common(1)
    frames = defaultdict[int, float](float)
    for task in tasks:
        if _thread(task) == busiest:
            frames[int(task["ts"] / 1e6 / _FRAME)] += task["tdur"] / 1e6
    return list(frames.values())


def _thread(event: dict[str, Any]) -> tuple[int, int]:
    return event["pid"], event["tid"]


def _work(tasks: list[dict[str, Any]]) -> Counter[tuple[int, int]]:
    """Microseconds of each thread."""
    work = Counter[tuple[int, int]]()
    for task in tasks:
        work[_thread(task)] += task["tdur"]
    return work
