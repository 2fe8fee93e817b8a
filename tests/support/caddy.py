"""Caddy before all services, as docs/operation.md shows it for a path of another site."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.processes import ROOT
from tests.support.servers.ports import until_s3_ready

_SHOWN = re.compile(r"```caddyfile\n(.*?)```", re.DOTALL)
_SITE = "site.example"
#: the ports in what is shown
_PORTS = {"gateway": 8080, "status": 8081, "storage": 8082, "s3": 9000}


def shown_caddyfile() -> str:
    """The configuration that operators read."""
    shown = _SHOWN.search((ROOT / "docs" / "operation.md").read_text())
    assert shown
    return shown[1]


@contextmanager
def caddy(folder: Path, port: int, upstreams: dict[str, int]) -> Iterator[str]:
    """
    The proxy as it is shown, at a port of this machine, until the block ends.

    Args:
        upstreams: Ports of the services and the store, by their names.

    Yields:
        The address of the site.
    """
    site = f"http://127.0.0.1:{port}"
    written = shown_caddyfile().replace(_SITE, site)
    for name, shown in _PORTS.items():
        written = written.replace(f"127.0.0.1:{shown}", f"127.0.0.1:{upstreams[name]}")
    file = folder / "Caddyfile"
    file.write_text("{\n\tadmin off\n}\n" + written)
    program = Path(sys.executable).with_name("caddy")
    places = {name: str(folder) for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
    with (folder / "caddy.log").open("wb") as log:
        running = subprocess.Popen(
            [program, "run", "--config", file, "--adapter", "caddyfile"],
            env={**os.environ, **places},
            stdout=log,
            stderr=log,
        )
    try:
        until_s3_ready(site)  # whatever is there: it answers
        yield site
    finally:
        running.terminate()
        running.wait()
