"""`heliograph submit`: ask for something, and keep the result."""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from heliograph.cli.command_runner import DONE, USAGE, err, fail, run_command
from heliograph.cli.follow import watch
from heliograph.cli.options import AsJson, Gateway, Project, Timeout
from heliograph.cli.output import exit_code, show_job
from heliograph.client import Client
from heliograph.contracts.jobs import Job

app = typer.Typer()


def _parameters(pairs: list[str]) -> dict[str, Any]:
    """`seed=7` as numbers, texts and truths."""
    parameters: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            fail(f"{pair!r} is not name=value", USAGE)
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
                show_job(job, as_json=as_json)
                return DONE
            [job] = await watch(client, [job], timeout, as_json=as_json)
            await _keep(client, job, output)
            return exit_code([job])

    raise typer.Exit(run_command(work()))


def _reference(text: str) -> dict[str, str]:
    if text.startswith("ast_"):
        return {"asset": text}
    return {"upload" if text.startswith("sha256:") else "url": text}


async def _keep(client: Client, job: Job, folder: Path | None) -> None:
    if folder is None:
        return
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    for asset in job.assets:
        extension = asset.media_type.partition("/")[2].replace("jpeg", "jpg")
        path = await client.download(asset, folder / f"{asset.id}.{extension}")
        err.print(f"kept {path}", highlight=False, markup=False)
