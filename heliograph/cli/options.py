"""Options that several commands have."""

from typing import Annotated

import typer

AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object per line, for scripts.")
]
Gateway = Annotated[
    str | None, typer.Option("--url", envvar="HELIOGRAPH_PUBLIC_URL", help="URL of the gateway.")
]
Timeout = Annotated[
    float | None, typer.Option("--timeout", min=0, help="Maximum number of seconds to wait.")
]
Project = Annotated[str | None, typer.Option("--project", "-p", envvar="HELIOGRAPH_PROJECT")]
