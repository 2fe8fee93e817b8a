"""What a test says to a cluster, by kubectl and by Helm."""

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from tests.support.kubernetes.programs import program
from tests.support.timeouts import TIMEOUT

Object = dict[str, Any]


class Refused(Exception):
    """The cluster does not take it; the message has its reason."""


class Cluster:
    """A client of the API server."""

    def __init__(self, kubeconfig: Path) -> None:
        self._kubeconfig = kubeconfig

    def kubectl(self, *arguments: str, text: str = "") -> str:
        """What a command prints. Raises Refused."""
        return self._run("kubectl", *arguments, text=text)

    def helm(self, *arguments: str) -> str:
        """What a command prints. Raises Refused."""
        return self._run("helm", *arguments)

    def _run(self, name: str, *arguments: str, text: str = "") -> str:
        command = self.command(name, *arguments)
        done = subprocess.run(
            command, input=text, check=False, capture_output=True, text=True, timeout=TIMEOUT
        )
        if done.returncode:
            raise Refused(done.stderr)
        return done.stdout

    def command(self, name: str, *arguments: str) -> list[str]:
        return [program(name), f"--kubeconfig={self._kubeconfig}", *arguments]

    def create(self, *objects: Object) -> None:
        """Raises Refused, for an unknown field too."""
        self.kubectl(
            "create", "--validate=strict", "--filename=-", text=yaml.safe_dump_all(objects)
        )

    def until_ready(self) -> None:
        """Until the API server answers for itself and its store."""

        def is_ready() -> bool:
            try:
                return self.kubectl("get", "--raw=/readyz") == "ok"
            except Refused:
                return False

        until(is_ready)

    def objects(self, kind: str, namespace: str, selector: str = "") -> list[Object]:
        listing = self.kubectl(
            *("get", kind, f"--namespace={namespace}", f"--selector={selector}", "--output=json")
        )
        items: list[Object] = json.loads(listing)["items"]
        return items


def until(check: Callable[[], bool]) -> None:
    """Ask again and again until it is so. Raises TimeoutError."""
    end = time.monotonic() + TIMEOUT
    while not check():
        if time.monotonic() > end:
            raise TimeoutError(f"it never was: {check}")
        time.sleep(0.1)
