"""The command line: `heliograph submit "a lighthouse keeper"`, and what follows."""

import asyncio
import json
import os
import sys
from collections.abc import Coroutine, Iterable, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from rich.console import Console
from stamina.instrumentation import set_on_retry_hooks

from heliograph.client import Client
from heliograph.client_errors import ClientError, ConnectionFailed, RequestRejected, Unsendable
from heliograph.contracts.actions import ActionItem
from heliograph.contracts.batches import BatchItem
from heliograph.contracts.jobs import Job
from heliograph.contracts.sim import read_ledger
from heliograph.progress_bars import show_progress
from heliograph.tables import (
    JOB_COLUMNS,
    Cells,
    action_lines,
    job_cells,
    model_cells,
    show_table,
)

DONE, FAILED, USAGE, UNREACHABLE = 0, 1, 2, 3  #: exit codes

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
sim = typer.Typer(no_args_is_help=True, help="The sim provider of this machine.")
unreadable = typer.Typer(
    no_args_is_help=True, help="Messages that cannot be read; on the machine of the operator."
)
app.add_typer(sim, name="sim")
app.add_typer(unreadable, name="unreadable")
level = typer.Typer(
    no_args_is_help=True,
    help="What older releases have to understand; see upgrades in the documents.",
)
app.add_typer(level, name="level")

_out = Console()
_err = Console(stderr=True)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line, for scripts.")]
Gateway = Annotated[
    str | None, typer.Option("--url", envvar="HELIOGRAPH_PUBLIC_URL", help="The gateway.")
]
Timeout = Annotated[
    float | None, typer.Option("--timeout", min=0, help="Seconds to wait, at most.")
]
Project = Annotated[str | None, typer.Option("--project", "-p", envvar="HELIOGRAPH_PROJECT")]

T = TypeVar("T")


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end, with errors as sentences and exit codes."""
    try:
        return asyncio.run(work)
    except ConnectionFailed as error:
        _fail(str(error), UNREACHABLE)
    except Unsendable as error:
        _fail(str(error), USAGE)
    except RequestRejected as error:
        for each in error.problem.errors:
            _err.print(f"  {each.pointer}: {each.detail}", highlight=False, markup=False)
        for line in action_lines(error.problem.next_actions):
            _err.print(f"  {line}", highlight=False, markup=False)
        _fail(str(error), USAGE)
    except ClientError as error:
        _fail(str(error), FAILED)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _fail(reason: str, code: int) -> NoReturn:
    _err.print(reason, style="red", highlight=False, markup=False, soft_wrap=True)
    raise typer.Exit(code)


def _show_all(jobs: Sequence[Job], *, as_json: bool) -> None:
    if as_json:
        for job in jobs:
            print(job.model_dump_json())
    else:
        show_table(_out, JOB_COLUMNS, map(job_cells, jobs))


def _show(job: Job, *, as_json: bool) -> None:
    if as_json:
        print(job.model_dump_json())
        return
    _out.print(f"{job.id}  {job.kind}  {job.status}  {job.phase}", highlight=False)
    for asset in job.assets:
        print(f"  {asset.media_type} {asset.bytes} bytes sha256:{asset.sha256}\n  {asset.url}")
    if job.error:
        _out.print(f"  {job.error.code}: {job.error.detail}", highlight=False, markup=False)
        for line in action_lines(job.error.next_actions, job.id):
            _out.print(f"  {line}", highlight=False, markup=False, soft_wrap=True)


def _exit_code(jobs: list[Job]) -> int:
    return DONE if all(job.status == "succeeded" for job in jobs) else FAILED


def _parameters(pairs: list[str]) -> dict[str, Any]:
    """`seed=7` as numbers, texts and truths."""
    parameters: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            _fail(f"{pair!r} is not name=value", USAGE)
        try:
            parameters[name] = json.loads(value)
        except ValueError:
            parameters[name] = value
    return parameters


@app.command()
def submit(
    prompt: str,
    kind: Annotated[str, typer.Option("--kind", "-k")] = "image",
    model: Annotated[str | None, typer.Option("--model", "-m")] = None,
    slot: Annotated[str | None, typer.Option("--slot", "-s")] = None,
    parameter: Annotated[
        list[str] | None, typer.Option("--parameter", "-P", help="name=value, as seed=7")
    ] = None,
    edit: Annotated[str | None, typer.Option("--edit", help="Instruction for references.")] = None,
    reference: Annotated[list[str] | None, typer.Option("--reference", "-r")] = None,
    key: Annotated[str | None, typer.Option("--key", help="Idempotency-Key.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for results.")
    ] = None,
    wait: Annotated[bool, typer.Option(help="Stay until it is done.")] = True,
    timeout: Timeout = None,
    as_json: AsJson = False,
    url: Gateway = None,
    project: Project = None,
) -> None:
    """Ask for something, and watch it come."""
    fields = {
        "model": model,
        "slot": slot,
        "edit_prompt": edit,
        "parameters": _parameters(parameter or []),
        "references": [_reference(each) for each in reference or []],
    }
    given = {name: value for name, value in fields.items() if value}

    async def work() -> int:
        async with Client(url, project=project) as client:
            job = await client.submit(kind=kind, prompt=prompt, key=key, **given)
            if not wait:
                _show(job, as_json=as_json)
                return DONE
            [job] = await _watch(client, [job], timeout, as_json=as_json)
            await _keep(client, job, output)
            return _exit_code([job])

    raise typer.Exit(_run(work()))


def _reference(text: str) -> dict[str, str]:
    if text.startswith("ast_"):
        return {"asset": text}
    return {"upload" if text.startswith("sha256:") else "url": text}


async def _watch(
    client: Client, jobs: list[Job], timeout: float | None, *, as_json: bool
) -> list[Job]:
    ids = [job.id for job in jobs]
    if as_json:
        ended = await client.finish(*ids, timeout=timeout)
    else:
        names = {job.id: job.slot or job.kind for job in jobs}
        async with client.follow(*ids, timeout=timeout) as events:
            ended = await show_progress(events, names, _out)
    if len(ended) == 1:
        _show(ended[0], as_json=as_json)
    else:
        _show_all(ended, as_json=as_json)
    return ended


def _show_change(job: Job, *, as_json: bool) -> None:
    if as_json:
        print(job.model_dump_json())
    else:
        print("  ".join(filter(None, (job.id, job.kind, job.slot, job.status, job.phase))))


def _show_caught_up(missed: int | None) -> None:
    """Say that nothing is missing after a lost connection."""
    if missed is not None:
        _err.print(f"reconnected, {missed} events were missed and are shown", highlight=False)


async def _keep(client: Client, job: Job, folder: Path | None) -> None:
    if folder is None:
        return
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    for asset in job.assets:
        extension = asset.media_type.partition("/")[2].replace("jpeg", "jpg")
        path = await client.download(asset, folder / f"{asset.id}.{extension}")
        _err.print(f"kept {path}", highlight=False, markup=False)


@app.command()
def follow(
    jobs: Annotated[list[str] | None, typer.Argument(help="Ids; none: the whole project.")] = None,
    timeout: Timeout = None,
    as_json: AsJson = False,
    url: Gateway = None,
    project: Project = None,
) -> None:
    """Watch jobs until they are done, or a project for ever."""

    async def work() -> int:
        async with Client(url, project=project) as client:
            if jobs:
                found = [await client.get(job) for job in jobs]
                return _exit_code(await _watch(client, found, timeout, as_json=as_json))
            async with client.follow(timeout=timeout, caught_up=_show_caught_up) as events:
                async for event in events:
                    if event.job:
                        _show_change(event.job, as_json=as_json)
        return DONE

    raise typer.Exit(_run(work()))


@app.command(name="jobs")
def list_jobs(
    status: Annotated[str | None, typer.Option()] = None,
    kind: Annotated[str | None, typer.Option()] = None,
    slot: Annotated[str | None, typer.Option(help="Prefix.")] = None,
    limit: Annotated[int, typer.Option(help="How many, at most.")] = 20,
    as_json: AsJson = False,
    url: Gateway = None,
    project: Project = None,
) -> None:
    """List jobs, newest first."""
    filters = {"status": status, "kind": kind, "slot": slot, "limit": min(limit, 200)}

    async def work() -> None:
        async with Client(url, project=project) as client:
            found: list[Job] = []
            async for job in client.jobs(**{n: v for n, v in filters.items() if v is not None}):
                found.append(job)
                if len(found) >= limit:
                    break
            _show_all(found, as_json=as_json)

    _run(work())


@app.command()
def get(job: str, as_json: AsJson = False, url: Gateway = None) -> None:
    """Show a job."""

    async def work() -> None:
        async with Client(url) as client:
            _show(await client.get(job), as_json=as_json)

    _run(work())


@app.command()
def cancel(
    job: str,
    detach: Annotated[bool, typer.Option("--detach", help="Only free its slot.")] = False,
    as_json: AsJson = False,
    url: Gateway = None,
) -> None:
    """Stop a job."""

    async def work() -> None:
        async with Client(url) as client:
            canceled = await client.cancel(job, "detach" if detach else "stop")
            _show(canceled, as_json=as_json)

    _run(work())


@app.command()
def retry(
    job: str,
    start: Annotated[str | None, typer.Option("--from", help="download, poll or submit")] = None,
    key: Annotated[str | None, typer.Option("--key", help="Idempotency-Key.")] = None,
    as_json: AsJson = False,
    url: Gateway = None,
) -> None:
    """Try a job again, from the cheapest step that costs nothing; only `--from submit` pays."""
    _check_step(start)

    async def work() -> None:
        async with Client(url) as client:
            again = await client.retry(job, start=start, key=key)  # type: ignore[arg-type]  # checked
            _show(again, as_json=as_json)

    _run(work())


def _check_step(start: str | None) -> None:
    if start not in (None, "download", "poll", "submit"):
        _fail("--from is download, poll or submit", USAGE)


@app.command()
def batch(
    file: Annotated[
        typer.FileBinaryRead, typer.Argument(help="One request a line, as JSON; - is stdin.")
    ],
    only_missing: Annotated[
        bool, typer.Option("--only-missing", help="Leave out slots that have a version, or will.")
    ] = False,
    key: Annotated[str | None, typer.Option("--key", help="Idempotency-Key.")] = None,
    as_json: AsJson = False,
    url: Gateway = None,
    project: Project = None,
) -> None:
    """Ask for many things, all or none."""
    try:
        jobs = [json.loads(line) for line in file if line.strip()]
    except ValueError as error:
        _fail(f"not JSON: {error}", USAGE)

    async def work() -> int:
        async with Client(url, project=project) as client:
            accepted = await client.batch(jobs, only_missing=only_missing, key=key)
            _err.print(accepted.id, highlight=False)
            return _report(accepted.items, as_json=as_json)

    raise typer.Exit(_run(work()))


@app.command()
def act(
    action: Annotated[str, typer.Argument(help="retry or cancel")],
    ids: Annotated[list[str] | None, typer.Argument(help="Jobs; none: by the options.")] = None,
    status: Annotated[str | None, typer.Option()] = None,
    kind: Annotated[str | None, typer.Option()] = None,
    slot: Annotated[str | None, typer.Option(help="Prefix.")] = None,
    of_batch: Annotated[str | None, typer.Option("--batch")] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Only free the slots.")] = False,
    start: Annotated[
        str | None, typer.Option("--from", help="Of a retry: download, poll or submit, which pays.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would do.")] = False,
    key: Annotated[str | None, typer.Option("--key", help="Idempotency-Key.")] = None,
    as_json: AsJson = False,
    url: Gateway = None,
    project: Project = None,
) -> None:
    """Retry or cancel many jobs at once."""
    if action not in ("retry", "cancel"):
        _fail("an action is retry or cancel", USAGE)
    _check_step(start)
    filters = {"status": status, "kind": kind, "slot": slot, "batch": of_batch}
    narrowed = {name: value for name, value in filters.items() if value}
    if not ids and not narrowed:
        _fail("say which: jobs, or an option", USAGE)
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

    raise typer.Exit(_run(work()))


def _report(items: Sequence[BatchItem | ActionItem], *, as_json: bool) -> int:
    """Show what became of each, and return the exit code."""
    jobs = [item.job for item in items if item.job]
    if as_json:
        _show_all(jobs, as_json=True)
    else:
        rows = [{**(job_cells(i.job) if i.job else {}), "outcome": i.outcome} for i in items]
        show_table(_out, ("outcome", *JOB_COLUMNS), rows)
    for problem in (item.problem for item in items if item.problem):
        reason = f"  {problem.code}: {problem.detail}"
        _err.print(reason, highlight=False, markup=False, soft_wrap=True)
        for line in action_lines(problem.next_actions):
            _err.print(f"  {line}", highlight=False, markup=False, soft_wrap=True)
    return FAILED if any(item.problem for item in items) else DONE


@app.command()
def models(as_json: AsJson = False, url: Gateway = None) -> None:
    """Available models."""

    async def work() -> None:
        async with Client(url) as client:
            found = await client.models()
            columns = ("name", "media", "price", "title")
            _table(found if as_json else map(model_cells, found), columns, as_json=as_json)

    _run(work())


@app.command()
def lanes(as_json: AsJson = False, url: Gateway = None) -> None:
    """The bounded queues, as they are now."""

    async def work() -> None:
        async with Client(url) as client:
            columns = ("name", "cap", "in_use", "waiting", "oldest_wait_seconds")
            _table(await client.lanes(), columns, as_json=as_json)

    _run(work())


def _table(items: Iterable[Cells], columns: tuple[str, ...], *, as_json: bool) -> None:
    if as_json:
        for item in items:
            print(json.dumps(item, ensure_ascii=False))
    else:
        show_table(_out, columns, items)


@unreadable.command(name="list")
def list_unreadable(as_json: AsJson = False) -> None:
    """Messages that could not be read, and were skipped."""
    from heliograph.operator import list_dead_letters  # needs the packages of a service

    letters = _run(list_dead_letters())
    _table(letters, ("stream", "sequence", "subject", "reason"), as_json=as_json)


@unreadable.command(name="remove")
def remove_unreadable(stream: str, sequence: int) -> None:
    """
    Remove one for good, and print what it was. Events stay: a release that reads them goes on.
    """
    from heliograph.operator import remove_dead_letter  # needs the packages of a service

    sys.stdout.buffer.write(_run(remove_dead_letter(stream, sequence)) + b"\n")


@level.command(name="show")
def show_level() -> None:
    """The level of the deployment, and of this release."""
    from heliograph import operator  # needs the packages of a service

    deployed, own = _run(operator.show_level())
    print(f"{deployed} of {own}")


@level.command(name="raise")
def raise_level() -> None:
    """Raise the deployment's level to this release's, once no older process runs."""
    from heliograph import operator  # needs the packages of a service

    print(_run(operator.raise_to_own()))


@sim.command()
def ledger() -> None:
    """Every request the sim provider accepted, one JSON object a line."""
    home = Path(os.environ.get("HELIOGRAPH_HOME") or ".heliograph")
    for record in read_ledger(home):
        print(json.dumps(record.ledger_line(), ensure_ascii=False))


def main() -> None:
    """The console script."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal that cannot show it all shows the rest
            stream.reconfigure(errors="backslashreplace")
    set_on_retry_hooks([])  # standard output is for results
    app(prog_name="heliograph")
    sys.exit(DONE)
