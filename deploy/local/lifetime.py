"""Lifetimes of child processes: none outlives the process that started it (Linux)."""

import ctypes
import signal
import sys

_PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>


def end_with_parent() -> None:
    """Call in a new child process: it receives a signal when its parent dies."""
    _signal_at_death(signal.SIGTERM)


def die_with_parent() -> None:
    """Call in a new child process: it is killed when its parent dies."""
    _signal_at_death(signal.SIGKILL)


def _signal_at_death(number: signal.Signals) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)
