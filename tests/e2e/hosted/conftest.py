"""One Heliograph that uses every hosted provider, each emulated; projects keep its tests apart."""

from collections.abc import AsyncIterator, Callable, Iterator
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from minio import Minio

from heliograph.client import Client
from tests.support.emulation.emulator_process import EmulatedAccount, Emulator
from tests.support.fal.emulator_process import FalAccount, FalServer
from tests.support.refusing_store import RefusingStore, refusing_store
from tests.support.servers import Server
from tests.support.stack import Stack


@pytest.fixture(scope="session")
def fal(fal_server: FalServer) -> FalAccount:
    """It knows an address to call at, and calls only while a test wants it to."""
    account = fal_server.account(uuid4().hex)
    account.change(calls_back=False)
    return account


@pytest.fixture(scope="session")
def replicate(replicate_server: Emulator) -> EmulatedAccount:
    return replicate_server.account(uuid4().hex)


@pytest.fixture(scope="session")
def gemini(gemini_server: Emulator) -> EmulatedAccount:
    return gemini_server.account(uuid4().hex)


@pytest.fixture(scope="session")
def openai(openai_server: Emulator) -> EmulatedAccount:
    return openai_server.account(uuid4().hex)


@pytest.fixture(scope="session")
def store(s3: Server) -> Iterator[RefusingStore]:
    """The S3 store, behind a proxy that can refuse."""
    assert s3.settings.s3_endpoint
    with refusing_store(s3.settings.s3_endpoint) as store:
        yield store


@pytest.fixture(scope="session")
def stack(
    fal: FalAccount,
    replicate: EmulatedAccount,
    gemini: EmulatedAccount,
    openai: EmulatedAccount,
    s3: Server,
    store: RefusingStore,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stack]:
    """Two render processes; retention is enforced every second."""
    folder = tmp_path_factory.mktemp("hosted")
    accounts = folder / "accounts.yaml"
    accounts.write_text("fal: {provider: fal, cap: 20}\n")
    secret = s3.settings.s3_secret_key
    settings = {
        "HELIOGRAPH_FAL_BASE_URL": fal.url,
        "FAL_KEY": fal.key,
        "HELIOGRAPH_REPLICATE_BASE_URL": replicate.url,
        "REPLICATE_API_TOKEN": replicate.key,
        "HELIOGRAPH_GEMINI_BASE_URL": gemini.url,
        "GEMINI_API_KEY": gemini.key,
        "HELIOGRAPH_OPENAI_BASE_URL": f"{openai.url}/v1",
        "OPENAI_API_KEY": openai.key,
        "HELIOGRAPH_S3_ENDPOINT": store.url,
        "HELIOGRAPH_S3_BUCKET": f"b{uuid4().hex[:12]}",
        "HELIOGRAPH_S3_ACCESS_KEY": s3.settings.s3_access_key or "",
        "HELIOGRAPH_S3_SECRET_KEY": secret.get_secret_value() if secret else "",
        "HELIOGRAPH_ACCOUNTS": str(accounts),
        "HELIOGRAPH_RENDERS": "2",
        "HELIOGRAPH_BREAKER_MIN": "6",
        "HELIOGRAPH_RETENTION_INTERVAL": "1",
        "HELIOGRAPH_OBJECT_GRACE_PERIOD": "1",
    }
    stack = Stack(folder / "home", settings, preloaded=True)
    stack.environment["HELIOGRAPH_RENDER_PUBLIC_URL"] = stack.url("render")
    with stack.running():
        yield stack


@pytest.fixture
async def client(stack: Stack, project: str) -> AsyncIterator[Client]:
    async with stack.client(project) as client:
        yield client


@pytest.fixture
def prompt() -> str:
    """One that nobody else has: emulators know requests by it."""
    return f"a lighthouse {uuid4().hex}"


@pytest.fixture
def objects(s3: Server) -> Minio:
    """The store's own client."""
    settings = s3.settings
    assert settings.s3_endpoint
    assert settings.s3_access_key
    assert settings.s3_secret_key
    secret, endpoint = settings.s3_secret_key.get_secret_value(), urlsplit(settings.s3_endpoint)
    return Minio(endpoint.netloc, settings.s3_access_key, secret, secure=False, region="us-east-1")


@pytest.fixture
def stored(objects: Minio, stack: Stack, project: str) -> Callable[[str], list[str]]:
    """The keys of a project's objects that have a part, by the store's own list."""
    bucket, folder = stack.environment["HELIOGRAPH_S3_BUCKET"], f"p/{project}/"

    def keys(part: str) -> list[str]:
        listed = objects.list_objects(bucket, prefix=folder, recursive=True)
        names = [str(each.object_name).removeprefix(folder) for each in listed]
        return [name for name in names if part in name]

    return keys


@pytest.fixture
async def drawn(client: Client, prompt: str) -> dict[str, str]:
    """A reference to a stored picture, which no provider has seen."""
    job = await client.submit(kind="portrait", prompt=f"{prompt}, young", parameters={"seconds": 0})
    [ended] = await client.finish(job.id)
    return {"asset": ended.assets[0].id}
