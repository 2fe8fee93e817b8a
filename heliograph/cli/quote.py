"""`heliograph quote`: what a job would cost, and when it would come."""

from typing import Any

import typer

from heliograph.cli.command_runner import run_command
from heliograph.cli.options import AsJson, Gateway, Project
from heliograph.cli.output import show_items
from heliograph.cli.submit import (
    EditPrompt,
    KindName,
    MaxCost,
    ModelNamed,
    ParameterPairs,
    ReferenceList,
    request_fields,
)
from heliograph.cli.tables import money
from heliograph.client import Client
from heliograph.contracts.quotes import Quote

app = typer.Typer()

_COLUMNS = ("kind", "model", "lane", "cost", "position", "eta")


@app.command()
def quote(
    prompt: str,
    kind: KindName = "image",
    model: ModelNamed = None,
    parameter: ParameterPairs = None,
    edit: EditPrompt = None,
    reference: ReferenceList = None,
    max_cost: MaxCost = None,
    as_json: AsJson = False,
    url: Gateway = None,
    project: Project = None,
) -> None:
    """Show the price and the estimated start of a job. No job is created."""
    fields = request_fields(
        model=model, parameter=parameter, edit=edit, reference=reference, max_cost=max_cost
    )

    async def work() -> None:
        async with Client(url, project=project) as client:
            quote = await client.quote(kind=kind, prompt=prompt, **fields)
            shown = quote.model_dump(mode="json") if as_json else _cells(quote)
            show_items([shown], _COLUMNS, as_json=as_json)

    run_command(work())


def _cells(quote: Quote) -> dict[str, Any]:
    price = f"{money(quote.cost.estimated)} {quote.cost.currency}"
    eta = None if quote.eta_seconds is None else f"{quote.eta_seconds:.0f} s"
    return {
        "kind": quote.kind,
        "model": quote.model,
        "lane": quote.lane,
        "cost": price if quote.price_known else f"up to {price}",
        "position": quote.position,
        "eta": quote.blocked or eta,
    }
