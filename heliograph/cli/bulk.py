"""Bulk requests: many jobs at once."""

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from heliograph.cli.command_runner import DONE, FAILED, USAGE, err, fail, out, run_command
from heliograph.cli.jobs import check_step
from heliograph.cli.options import AsJson, Gateway, Project
from heliograph.cli.output import show_jobs
from heliograph.cli.tables import JOB_COLUMNS, action_lines, job_cells, show_table
from heliograph.client import Client
from heliograph.contracts.actions import ActionItem
from heliograph.contracts.batches import BatchItem

app = typer.Typer()


@app.command()
def batch(
    file: Annotated[
        typer.FileBinaryRead,
        typer.Argument(help="File with one JSON request per line; - for stdin."),
    ],
    only_missing: Annotated[
        bool, typer.Option("--only-missing", help="Skip slots that have a version or an open job.")
    ] = False,
    key: Annotated[str | None, typer.Option("--key", help="Idempotency-Key.")] = None,
    as_json: AsJson = False,
    url: Gateway = None,
    project: Project = None,
) -> None:
    """Submit many jobs, all or none."""
    try:
        jobs = [json.loads(line) for line in file if line.strip()]
    except ValueError as error:
        fail(f"not JSON: {error}", USAGE)

    async def work() -> int:
        async with Client(url, project=project) as client:
            accepted = await client.batch(jobs, only_missing=only_missing, key=key)
            err.print(accepted.id, highlight=False)
            return _report(accepted.items, as_json=as_json)

    raise typer.Exit(run_command(work()))


@app.command()
def act(
    action: Annotated[str, typer.Argument(help="retry or cancel")],
    ids: Annotated[
        list[str] | None, typer.Argument(help="Ids of jobs; without any, the options select them.")
    ] = None,
    status: Annotated[str | None, typer.Option()] = None,
    kind: Annotated[str | None, typer.Option()] = None,
    slot: Annotated[str | None, typer.Option(help="Prefix of slot names.")] = None,
    of_batch: Annotated[str | None, typer.Option("--batch")] = None,
    detach: Annotated[
        bool, typer.Option("--detach", help="Only free the slots; the jobs continue.")
    ] = False,
    start: Annotated[
        str | None,
        typer.Option("--from", help="Step of a retry: download, poll, or submit (paid)."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show the effect and the cost.")
    ] = False,
    key: Annotated[str | None, typer.Option("--key", help="Idempotency-Key.")] = None,
    as_json: AsJson = False,
    url: Gateway = None,
    project: Project = None,
) -> None:
    """Retry or cancel many jobs at once."""
    if action not in ("retry", "cancel"):
        fail("an action is retry or cancel", USAGE)
    check_step(start)
    filters = {"status": status, "kind": kind, "slot": slot, "batch": of_batch}
    narrowed = {name: value for name, value in filters.items() if value}
    if not ids and not narrowed:
        fail("say which: jobs, or an option", USAGE)
    which: dict[str, Any] = {"ids": ids} if ids else {"filter": narrowed}
    which |= {"mode": "detach" if detach else "stop", "start": start}

    async def work() -> int:
        async with Client(url, project=project) as client:
            if dry_run:
                seen = await client.preview(action, **which)  # type: ignore[arg-type]  # checked
                print(seen.model_dump_json(indent=None if as_json else 2))
                return DONE
            report = await client.act(action, key=key, **which)  # type: ignore[arg-type]  # checked
            return _report(report.items, as_json=as_json)

    raise typer.Exit(run_command(work()))


def _report(items: Sequence[BatchItem | ActionItem], *, as_json: bool) -> int:
    """Show what became of each, and return the exit code."""
    jobs = [item.job for item in items if item.job]
    if as_json:
        show_jobs(jobs, as_json=True)
    else:
        rows = [{**(job_cells(i.job) if i.job else {}), "outcome": i.outcome} for i in items]
        show_table(out, ("outcome", *JOB_COLUMNS), rows)
    for problem in (item.problem for item in items if item.problem):
        reason = f"  {problem.code}: {problem.detail}"
        err.print(reason, highlight=False, markup=False, soft_wrap=True)
        for line in action_lines(problem.next_actions):
            err.print(f"  {line}", highlight=False, markup=False, soft_wrap=True)
    return FAILED if any(item.problem for item in items) else DONE
