"""Output of commands: tables and sentences for people, one JSON object a line for scripts."""

import json
from collections.abc import Iterable, Sequence

from heliograph.cli.command_runner import DONE, FAILED, out
from heliograph.cli.tables import JOB_COLUMNS, Cells, action_lines, job_cells, show_table
from heliograph.contracts.jobs import Job


def show_jobs(jobs: Sequence[Job], *, as_json: bool) -> None:
    if as_json:
        for job in jobs:
            print(job.model_dump_json())
    else:
        show_table(out, JOB_COLUMNS, map(job_cells, jobs))


def show_job(job: Job, *, as_json: bool) -> None:
    if as_json:
        print(job.model_dump_json())
        return
    out.print(f"{job.id}  {job.kind}  {job.status}  {job.phase}", highlight=False)
    for asset in job.assets:
        print(f"  {asset.media_type} {asset.bytes} bytes sha256:{asset.sha256}\n  {asset.url}")
    if job.error:
        out.print(f"  {job.error.code}: {job.error.detail}", highlight=False, markup=False)
        for line in action_lines(job.error.next_actions, job.id):
            out.print(f"  {line}", highlight=False, markup=False, soft_wrap=True)


def exit_code(jobs: list[Job]) -> int:
    return DONE if all(job.status == "succeeded" for job in jobs) else FAILED


def show_change(job: Job, *, as_json: bool) -> None:
    if as_json:
        print(job.model_dump_json())
    else:
        print("  ".join(filter(None, (job.id, job.kind, job.slot, job.status, job.phase))))


def show_items(items: Iterable[Cells], columns: tuple[str, ...], *, as_json: bool) -> None:
    if as_json:
        for item in items:
            print(json.dumps(item, ensure_ascii=False))
    else:
        show_table(out, columns, items)
