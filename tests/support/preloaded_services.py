"""
`python -m tests.support.preloaded_services up` is `deploy.local` whose services are preloaded.

They are imported once, in the supervisor, and each start of a service is a fork of it. Importing takes a
service 1.5 s of processor time, more than all else that it does in most tests, and again after each `kill -9`.
Processes, signals, pids, output and restarts are those of `deploy.local`. Two kinds of tests have to do without:
those of what a process shows of itself in `/proc`, as its command and environment are the supervisor's there,
and those that set wall clocks, as libfaketime's lock would be shared, and a killed process may hold it.
"""

import gc

gc.disable()  # what is imported stays

import asyncio
import io
import os
import runpy
import signal
import sys
import traceback
from collections.abc import Mapping
from importlib import import_module

from deploy.local import __main__, supervisor
from deploy.local.environment import SERVICES
from deploy.local.lifetime import end_with_parent
from deploy.local.processes import Process


def before_exec(process: Process, environment: Mapping[str, str], /) -> None:
    """In the child process: be the service. A program that is not ours is started as always."""
    end_with_parent()
    if process.role:
        os._exit(_run(f"services.{process.role}", environment))


def _run(module: str, environment: Mapping[str, str]) -> int:
    """What `python -m` does. Returns the exit code."""
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))  # the supervisor waits until one of these is closed
    os.environ.clear()
    os.environ.update(environment)
    asyncio._set_running_loop(None)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # unbuffered, as the environment says
    sys.stdout = io.TextIOWrapper(io.FileIO(1, "w"), encoding="utf-8", write_through=True)
    sys.argv = [module]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:  # noqa: BLE001  # else it would be raised in the supervisor
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    for name in SERVICES:
        import_module(f"services.{name}.app")
    gc.collect()
    gc.freeze()  # a collection in a child would copy what it shares with the others
    gc.enable()
    supervisor.before_exec = before_exec
    sys.exit(__main__.main())
