"""
No address that callers or providers give has us connect to our own network.

Real connections in a network of its own: 127.0.0.1, ::1, private, link-local and metadata addresses
listen there, and so does one that is as good as public, to prove that connections would be seen.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deploy.local.processes import ROOT
from tests.support.hostile_urls import HOSTILE, PUBLIC, PUBLIC6
from tests.support.timeouts import TIMEOUT

_REFUSED = {"OutputRefused", "ReferenceFailed", "TargetRefused", "InvalidURL"}
#: in no allow-list of names, or nowhere to be found
_UNANSWERED = {"StorageFailed", "ConnectError", "ReadError", "RemoteProtocolError"}

#: that of Authlib is one of httpx2; who needs no client makes requests
_MAKES_CLIENT = re.compile(r"\bhttpx2?\.(?:(?:Async)?Client|Request)\(|\bAsyncOAuth2Client\(")
#: what makes HTTP clients or requests, and to whom they speak
_CLIENTS = {
    "heliograph/client/http.py": "the gateway, for users",
    "heliograph/runtime/access/token_keys.py": "the address of a key set in the settings",
    "heliograph/runtime/bus/nats_monitor.py": "the NATS server of the settings",
    "heliograph/runtime/fetching/guarded_client.py": "addresses that callers and providers give",
    "heliograph/runtime/fetching/public_transport.py": "where the guarded client sends it",
    "services/gateway/access/oidc/provider.py": "the identity provider of the settings",
    "services/render/providers/fal/client.py": "fal",
    "services/render/providers/fal/transport.py": "fal",
    "services/render/providers/gemini/__init__.py": "Gemini",
    "services/render/providers/http.py": "a provider",
    "services/render/providers/output_upload.py": "storage",
    "services/render/references/download.py": "our own store",
    "services/storage/stores/minio.py": "the store of the settings",
}


def _in_a_network_of_its_own(*command: str) -> "subprocess.CompletedProcess[str]":
    rights = [] if os.geteuid() == 0 else ["--map-root-user"]
    everything = ["unshare", *rights, "--net", "--mount", *command]
    return subprocess.run(
        everything, check=False, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT
    )


@pytest.fixture(scope="module")
def attack() -> dict[str, Any]:
    """What was connected to, and how each attempt ended."""
    try:
        is_possible = _in_a_network_of_its_own("ip", "link", "set", "lo", "up").returncode == 0
    except FileNotFoundError:
        is_possible = False
    if not is_possible:
        pytest.skip("this system makes no network namespaces")
    ended = _in_a_network_of_its_own(sys.executable, "-m", "tests.support.hostile_network")
    assert ended.returncode == 0, ended.stderr
    report: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return report


def test_nothing_inside_is_connected_to(attack: dict[str, Any]) -> None:
    assert len(HOSTILE) >= 60
    assert {each.split()[0] for each in attack["connected"]} <= {PUBLIC, PUBLIC6}


def test_connections_are_seen(attack: dict[str, Any]) -> None:
    assert attack["connected"][f"{PUBLIC} 443"] >= 1
    assert attack["outcomes"]["control"] == "StorageFailed"


def test_every_attempt_ends_with_an_error_that_says_why(attack: dict[str, Any]) -> None:
    others = {
        attempt: outcome
        for attempt, outcome in attack["outcomes"].items()
        if outcome not in _REFUSED | _UNANSWERED
    }

    assert others == {}


@pytest.mark.parametrize(
    "name",
    ["mixed", "mixed-backwards", "mixed-families", "metadata", "mapped", "nat64", "sixtofour"],
)
def test_a_name_that_leads_inside_is_refused_at_once(attack: dict[str, Any], name: str) -> None:
    attempt = f"result 'https://{name}.results.example/a.png'"

    assert attack["outcomes"][attempt] == "OutputRefused"


def test_nothing_else_makes_http_clients() -> None:
    modules = {
        str(file.relative_to(ROOT))
        for folder in ("heliograph", "services")
        for file in sorted(Path(ROOT / folder).rglob("*.py"))
        if _MAKES_CLIENT.search(file.read_text())
    }

    assert modules == set(_CLIENTS)
