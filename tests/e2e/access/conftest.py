"""One running Heliograph that wants keys, for all of these tests; projects keep them apart."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.access import ISSUER, SECRET, KeyMaker, bearer, key_maker
from tests.support.identity_provider import IdentityProviderProcess, identity_provider
from tests.support.otlp import TraceReceiver, trace_receiver
from tests.support.servers import outside_servers
from tests.support.stack import Stack, stack_running
from tests.support.timeouts import TIMEOUT

GRANTS = {
    "admins": {"scopes": ["admin"]},
    "artists": {"scopes": ["jobs:read", "jobs:write"], "projects": ["atelier"]},
}


@pytest.fixture(scope="session")
def first_key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("secrets") / "first-key"


@pytest.fixture(scope="session")
def provider_process() -> Iterator[IdentityProviderProcess]:
    with identity_provider() as provider:
        yield provider


@pytest.fixture(scope="session")
def receiver() -> Iterator[TraceReceiver]:
    with trace_receiver() as receiver:
        yield receiver


@pytest.fixture(scope="session")
def keyed(
    tmp_path_factory: pytest.TempPathFactory,
    first_key_file: Path,
    provider_process: IdentityProviderProcess,
    receiver: TraceReceiver,
) -> Iterator[Stack]:
    servers, home = tmp_path_factory.mktemp("servers"), tmp_path_factory.mktemp("keyed")
    own = {
        "HELIOGRAPH_AUTH": "keys",
        "HELIOGRAPH_OTLP_ENDPOINT": receiver.url,
        "HELIOGRAPH_FIRST_KEY_FILE": str(first_key_file),
        "HELIOGRAPH_JWT_ALGORITHM": "HS256",
        "HELIOGRAPH_JWT_ISSUER": ISSUER,
        "HELIOGRAPH_JWT_SECRET": SECRET,
        "HELIOGRAPH_ALLOWED_ORIGINS": "https://app.example",
        "HELIOGRAPH_OIDC_ISSUER": provider_process.issuer,
        "HELIOGRAPH_OIDC_CLIENT_ID": "heliograph",
        "HELIOGRAPH_OIDC_CLIENT_SECRET": "canary-of-a-client-secret",
        "HELIOGRAPH_OIDC_GRANTS": json.dumps(GRANTS),
    }
    with (
        outside_servers(servers) as settings,
        stack_running(home, {**settings, **own}, preloaded=True) as stack,
    ):
        yield stack


@pytest.fixture
async def keys(keyed: Stack) -> AsyncIterator[KeyMaker]:
    async with key_maker(keyed) as keys:
        yield keys


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=TIMEOUT) as http:
        yield http


@pytest.fixture
def admin(first_key_file: Path, keyed: Stack) -> dict[str, str]:
    """The header of the first key."""
    return bearer(first_key_file.read_text().strip())
