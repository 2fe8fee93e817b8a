"""docs/performance.md, written from the results of one run."""

import shutil
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from bench.figures import REFERENCE, Figure, Machine, number, read, say

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
_MESSAGES = Path(__file__).with_name("messages_per_job.md")  #: the part that no run changes
_PROCESSOR_TIME = Path(__file__).with_name("processor_time.md")  #: of profiles, taken by hand

_HEAD = """\
# Performance

Written by `python -m bench table` from `bench/results/reference.jsonl`; change that, not this.

Profile `{machine.profile}`, {machine.at:%Y-%m-%d}: {machine.processor}, {machine.cores} cores, \
{machine.system}, Python {machine.python}. Services, servers, load and clients shared these cores; \
{busy}.
What counts is the ratio to a peer on the same machine in the same run. How each figure is made, and \
how to make it again: [bench/README.md](../bench/README.md).
"""

_TITLES = {
    "accept": "Accepting",
    "dispatch": "Dispatching",
    "fairness": "Fairness",
    "makespan": "Keeping a lane busy",
    "live": "Live",
    "herd": "After a restart of status",
    "slow": "Beside slow clients",
    "weight": "Weight",
    "growth": "With a past",
    "cost_curve": "The cost curve",
    "whole": "The whole, and the same by hand",
    "large": "A large output",
    "console": "The console",
}
_ABOUT = {
    "accept": """\
From the POST to the 202, when the job is on the disk: two acknowledged writes, and a look at what its
key means. The peer makes one such write, by nats-py, to the same server. With a key, a budget and a
quota, the peer is the same load on a second deployment without them.""",
    "dispatch": """\
From the queue to the provider on an idle system, by the clock of the NATS server; then jobs of no
length all the way, six events each. The peer is a work queue of nats-py alone: a publish, a fetch, an
ack.""",
    "fairness": """\
Single jobs of one project while another has thousands waiting in the same lane. Only where jobs take a
moment does a lane keep others ready beyond its cap; else a guest starts when the next job ends.""",
    "makespan": """\
Jobs of uneven length (log-normal, four for each place), all queued beforehand: the time that a pool
without any delay would need that takes them in their order, divided by the time that it took. Whoever
takes them in another order may do better than that. `Polling apart` counts a job as long as
it held its place, until a poll found it done.""",
    "live": """\
From the server's stamp on an event to a client's hand; then as many events as fit in a client's
outbox, all at once, to everybody.""",
    "herd": "Clients that come back at once, and that missed events meanwhile.",
    "slow": """\
Honest requests at a steady rate while other connections send their headers or bodies byte by byte, or read no
response. Who is cut off comes again at once.""",
    "weight": """\
Memory, and the time from the command to ready. Memory is resident (RSS): pages that processes share, such as
those of the interpreter, count for each. In proportional memory (PSS) they are divided between all of the machine that
have them.""",
    "growth": "The same with many finished jobs in the log and many queued in the lane.",
    "cost_curve": """\
What a text of no length costs by the number of past jobs (last events in a log of at most 8 GiB, of 10
projects) and by the number of projects (10,000 past jobs): accepted at a steady rate while their lane is
paused, of all projects in turn, and then run. Medians of 5 rounds, each of all deployments in turn; flat
is within 15 % of the first of its row.""",
    "whole": """\
Jobs of no length from 20 clients until the last has succeeded, and what each costs every process. The
peers do what the pipeline does, with nothing around it: no event log, no record of what was paid, no
fairness, no idempotency, no history. All have a store and a provider of their own on this machine; texts
of ours come from the sim, which is part of render.""",
    "large": """\
One film, from the moment in which storage may fetch it until it is stored: fetched to a file, checked,
measured, and put to S3. The peer is curl, which fetches the same file to the same disk and then puts it
to the same kind of store.""",
    "console": """\
In Chromium without a window, on the same cores as everything else. Work between two frames is what
the main thread does in a sixtieth of a second.""",
}


def write_table(file: Path) -> None:
    """Write the page; the run it is made of becomes the reference."""
    if file != REFERENCE:
        shutil.copy(file, REFERENCE)
    machine, figures = read(file)
    PAGE.write_text("\n".join(_page(machine, figures)))
    say(f"written: {PAGE}")


def _page(machine: Machine, figures: list[Figure]) -> Iterator[str]:
    busy = f"load average when it began: {machine.busy:g} a core"
    yield _HEAD.format(machine=machine, busy=busy)
    for bench, group in groupby(figures, key=lambda figure: figure.bench):
        yield f"## {_TITLES[bench]}\n\n{_ABOUT[bench]}\n"
        yield from _table(group)
        yield ""
    yield _MESSAGES.read_text()
    yield _PROCESSOR_TIME.read_text()


def _table(figures: Iterable[Figure]) -> Iterator[str]:
    yield "| What | Measured | Target | Against | Note |"
    yield "|---|---|---|---|---|"
    for figure in figures:
        yield (
            f"| {figure.what} | {number(figure.value)} {figure.unit} | {target_column(figure)} "
            f"| {peer_column(figure)} | {figure.note} |"
        )


def target_column(figure: Figure) -> str:
    """The target of a figure, and whether it was met; empty without one."""
    if figure.target is None:
        return ""
    sign = "≥" if figure.sense == "at least" else "≤"
    verdict = "met" if figure.is_met else "**missed**"
    return f"{sign} {number(figure.target)}: {verdict}"


def peer_column(figure: Figure) -> str:
    """What did the same, and the ratio to it; empty without one."""
    if figure.peer is None or figure.peer_value is None:
        return ""
    ratio = f", ratio {figure.ratio:.2f}" if figure.ratio is not None else ""
    return f"{figure.peer}: {number(figure.peer_value)} {figure.unit}{ratio}"
