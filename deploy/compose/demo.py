"""
The demo in containers: start `deploy/compose.yaml`, make a picture by an API key through its one origin,
check every byte, and stop: `python -m deploy.compose.demo COMPOSE…`, with the command of Compose.
"""

import asyncio
import hashlib
import os
import ssl
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from deploy.images.docker import CommandFailed, run
from deploy.local.processes import ROOT

ORIGIN = "https://localhost:8443"

#: the second has images of this machine in place of published ones, see `deploy.images`
_FILES = ("compose.yaml", "compose.local.yaml")
_TIMEOUT = 120.0  #: seconds for all to be ready, and for the picture
_ROOT_CERTIFICATE = "/data/caddy/pki/authorities/local/root.crt"
_REQUEST = {
    "kind": "portrait",
    "prompt": "a lighthouse keeper at dusk, oil on canvas",
    "model": "sim/picture",
    "parameters": {"seconds": 1, "seed": 7},
}


class ComposeProject:
    """The containers of `deploy/compose.yaml`, made of images of this machine."""

    def __init__(self, command: Sequence[str], name: str = "heliograph") -> None:
        self.name = name
        files = [f"--file={ROOT / 'deploy' / file}" for file in _FILES]
        self._command = [*command, *files, "--project-name", name]

    def call(self, *arguments: str) -> str:
        """Standard output of a command of Compose. Raises CommandFailed."""
        return run([*self._command, *arguments])

    def up(self) -> float:
        """Start everything. Returns after how many seconds all of it was healthy."""
        began = time.monotonic()
        self.call("up", "--detach", "--wait", "--wait-timeout", f"{_TIMEOUT:g}")
        return time.monotonic() - began

    def down(self) -> None:
        """Stop everything, and remove its volumes."""
        self.call("down", "--volumes", "--timeout", "15")

    def first_key(self) -> str:
        return self.call("exec", "-T", "gateway", "cat", "/data/first-key")

    def client(self, key: str | None = None) -> httpx.AsyncClient:
        """HTTP client for the deployment's origin; trusts the deployment's own certificate authority."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.AsyncClient(
            base_url=ORIGIN,
            verify=self.certificates(),
            headers=headers,
            trust_env=False,
            timeout=30,
        )

    def certificates(self) -> ssl.SSLContext:
        """Trust in the authority of the front, which made it up."""
        with TemporaryDirectory() as folder:
            file = Path(folder) / "root.crt"
            self.call("cp", f"front:{_ROOT_CERTIFICATE}", str(file))
            return ssl.create_default_context(cafile=file)


async def make_picture(client: httpx.AsyncClient, project: str = "demo") -> dict[str, Any]:
    """A job, from its request to its end. Raises TimeoutError."""
    response = await client.post(
        f"/v1/projects/{project}/jobs",
        json=_REQUEST,
        headers={"Idempotency-Key": os.urandom(8).hex()},
    )
    job: dict[str, Any] = response.raise_for_status().json()
    async with asyncio.timeout(_TIMEOUT):
        while job["status"] not in ("succeeded", "failed", "canceled"):
            await asyncio.sleep(0.2)
            job = (await client.get(f"/v1/jobs/{job['id']}")).raise_for_status().json()
    return job


async def download(client: httpx.AsyncClient, asset: dict[str, Any]) -> bytes:
    """The bytes of an asset, from its presigned address: that alone lets us in."""
    response = await client.get(asset["url"], headers={"Authorization": ""})
    return response.raise_for_status().content


async def _show(project: ComposeProject, began: float) -> bool:
    async with project.client(project.first_key()) as client:
        job = await make_picture(client)
        print(f"{job['id']} {job['status']} after {time.monotonic() - began:.1f} s")
        if job["status"] != "succeeded":
            return False
        [asset] = job["assets"]
        async with project.client() as stranger:
            data = await download(stranger, asset)
    well = hashlib.sha256(data).hexdigest() == asset["sha256"]
    print(f"{asset['url']}\n{len(data):,} bytes, SHA-256 {'checked' if well else 'WRONG'}")
    return bool(well)


def main(command: list[str]) -> int:
    project, began = ComposeProject(command), time.monotonic()
    try:
        print(f"healthy at {ORIGIN} after {project.up():.1f} s")
        return 0 if asyncio.run(_show(project, began)) else 1
    except CommandFailed as error:
        print(project.call("logs", "--tail", "30"), error, sep="\n", file=sys.stderr)
        return 1
    finally:
        project.down()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["docker", "compose"]))
