"""Models and lanes of a deployment."""

import typer

from heliograph.cli.command_runner import run_command
from heliograph.cli.options import AsJson, Gateway
from heliograph.cli.output import show_items
from heliograph.cli.tables import model_cells
from heliograph.client import Client

app = typer.Typer()


@app.command()
def models(as_json: AsJson = False, url: Gateway = None) -> None:
    """List available models with their prices."""

    async def work() -> None:
        async with Client(url) as client:
            models = await client.models()
            columns = ("name", "media", "price", "title")
            show_items(models if as_json else map(model_cells, models), columns, as_json=as_json)

    run_command(work())


@app.command()
def lanes(as_json: AsJson = False, url: Gateway = None) -> None:
    """List lanes (bounded queues) with their concurrency caps, running and waiting jobs."""

    async def work() -> None:
        async with Client(url) as client:
            columns = ("name", "cap", "in_use", "waiting", "oldest_wait_seconds")
            show_items(await client.lanes(), columns, as_json=as_json)

    run_command(work())
