"""`heliograph submit`: submit a job and download its outputs."""

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

KindName = Annotated[str, typer.Option("--kind", "-k")]
ModelNamed = Annotated[str | None, typer.Option("--model", "-m")]
ParameterPairs = Annotated[
    list[str] | None,
    typer.Option("--parameter", "-P", help="Parameter as name=value, for example seed=7."),
]
EditPrompt = Annotated[
    str | None, typer.Option("--edit", help="Instruction for editing the references.")
]
ReferenceList = Annotated[list[str] | None, typer.Option("--reference", "-r")]
MaxCost = Annotated[str | None, typer.Option("--max-cost", help="Maximum price, for example 0.05.")]


def request_fields(
    *,
    model: str | None,
    parameter: list[str] | None,
    edit: str | None,
    reference: list[str] | None,
    max_cost: str | None,
    **others: Any,
) -> dict[str, Any]:
    """Fields of a request, from the given options."""
    fields = {
        "model": model,
        "edit_prompt": edit,
        "parameters": _parameters(parameter or []),
        "references": [_reference(each) for each in reference or []],
        "max_cost": max_cost,
        **others,
    }
    return {name: value for name, value in fields.items() if value}


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
    kind: KindName = "image",
    model: ModelNamed = None,
    slot: Annotated[str | None, typer.Option("--slot", "-s")] = None,
    parameter: ParameterPairs = None,
    edit: EditPrompt = None,
    reference: ReferenceList = None,
    max_cost: MaxCost = None,
    quote: Annotated[
        str | None,
        typer.Option(
            "--quote", help="Binding price, from `heliograph quote --json` of the same job."
        ),
    ] = None,
    key: Annotated[str | None, typer.Option("--key", help="Idempotency-Key.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for the outputs.")
    ] = None,
    wait: Annotated[bool, typer.Option(help="Wait until the job has ended.")] = True,
    timeout: Timeout = None,
    as_json: AsJson = False,
    url: Gateway = None,
    project: Project = None,
) -> None:
    """Submit a job, follow it to its end, and download its outputs."""
    given = request_fields(
        model=model,
        parameter=parameter,
        edit=edit,
        reference=reference,
        max_cost=max_cost,
        slot=slot,
        quote=quote,
    )

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
