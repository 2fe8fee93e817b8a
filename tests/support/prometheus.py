"""Prometheus' programs, which Debian has and PyPI has not."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.support.servers import free_port
from tests.support.timeouts import TIMEOUT

ROOT = Path(__file__).parents[2]
OBSERVABILITY = ROOT / "deploy" / "observability"

_SCRAPE_INTERVAL = "1s"


def program(name: str) -> str:
    """The path of a program. A test skips without it, and fails in CI."""
    path = shutil.which(name) or shutil.which(name, path=str(ROOT / ".tools" / "bin"))
    if path is None and os.environ.get("CI"):
        pytest.fail(f"there is no {name}: run `make prometheus`")
    if path is None:
        pytest.skip(f"there is no {name}: run `make prometheus`")
    return path


class Prometheus:
    """A running server, asked over HTTP."""

    def __init__(self, url: str) -> None:
        self._url = url

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that an expression gives now."""
        response = httpx.get(
            f"{self._url}/api/v1/query", params={"query": expression}, trust_env=False
        ).json()
        assert response["status"] == "success", f"{expression}: {response.get('error')}"
        result: list[dict[str, Any]] = response["data"]["result"]
        return result


@contextmanager
def prometheus_running(folder: Path, targets: Mapping[str, str]) -> Iterator[Prometheus]:
    """
    A server with our configuration, which scrapes other addresses, and every second.

    Args:
        targets: Host and port by service.
    """
    config = yaml.safe_load((OBSERVABILITY / "prometheus.yaml").read_text())
    config["global"] |= {
        "scrape_interval": _SCRAPE_INTERVAL,
        "evaluation_interval": _SCRAPE_INTERVAL,
    }
    config["rule_files"] = [str(OBSERVABILITY / "alerts.yaml")]
    for target in config["scrape_configs"][0]["static_configs"]:
        target["targets"] = [targets[target["labels"]["service"]]]
    file, port = folder / "prometheus.yaml", free_port()
    file.write_text(yaml.safe_dump(config))
    command = [
        program("prometheus"),
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'data'}",
    ]
    with subprocess.Popen(
        [*command, f"--web.listen-address=127.0.0.1:{port}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            _until_ready(url)
            yield Prometheus(url)
        finally:
            process.terminate()


def _until_ready(url: str) -> None:
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end:
        with suppress(httpx.TransportError):
            if httpx.get(f"{url}/-/ready", trust_env=False).is_success:
                return
        time.sleep(0.05)
    raise TimeoutError(f"Prometheus at {url} is not ready")
