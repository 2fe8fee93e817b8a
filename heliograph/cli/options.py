"""Options that several commands have."""

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line, for scripts.")]
Gateway = Annotated[
    str | None, typer.Option("--url", envvar="HELIOGRAPH_PUBLIC_URL", help="The gateway.")
]
Timeout = Annotated[
    float | None, typer.Option("--timeout", min=0, help="Seconds to wait, at most.")
]
Project = Annotated[str | None, typer.Option("--project", "-p", envvar="HELIOGRAPH_PROJECT")]
