"""The Docker client, as far as images are built by it: without BuildKit, which may be missing."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from deploy.local.processes import program


class CommandFailed(Exception):
    """A command failed; its output has the reason."""


def build(image: str, context: Path, file: Path, variables: Mapping[str, str]) -> None:
    """
    Build an image with the network of this machine, whose certificates are in our base.

    Raises:
        NotInstalled: The Docker client is not installed.
        CommandFailed: The build failed; its output has the reason.
    """
    arguments = [f"--build-arg={name}={value}" for name, value in variables.items()]
    command = [program("docker"), "build", "--quiet", "--network=host", f"--tag={image}"]
    run([*command, *arguments, f"--file={file}", str(context)])


def run(command: list[str], *, environment: Mapping[str, str] | None = None) -> str:
    """Standard output of a command. Raises CommandFailed; its error output is shown."""
    classic = {"DOCKER_BUILDKIT": "0", **(environment or {})}
    done = subprocess.run(
        command, env={**os.environ, **classic}, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise CommandFailed(f"{Path(command[0]).name} ended with status {done.returncode}")
    return done.stdout.strip()


def has_image(image: str) -> bool:
    """Whether an image is on this machine."""
    command = [program("docker"), "image", "inspect", image]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def size(image: str) -> int:
    """Bytes of an image, its base included."""
    return int(run([program("docker"), "image", "inspect", "--format={{.Size}}", image]))
