"""A provider whose client cannot be started here is listed with the reason, and takes no other down."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from heliograph.contracts.errors import ProviderAuth
from services.render.app import create_app
from services.render.providers.factory import HostedProvider, create_providers, unusable_among
from services.render.providers.fal import FalProvider
from services.render.providers.gemini import GeminiProvider
from services.render.providers.openai import OpenAIProvider
from services.render.providers.replicate import ReplicateProvider
from services.render.providers.request_states import RequestSucceeded
from services.render.settings import RenderSettings
from tests.support.emulation.emulator_process import Emulator
from tests.support.emulation.inline_rigs import GeminiRig, OpenAIRig, a_submission
from tests.support.records import CATALOG

KEYS = {
    "FAL_KEY": "fal-key-1234",
    "REPLICATE_API_TOKEN": "replicate-key-1234",
    "GEMINI_API_KEY": "gemini-key-1234",
    "OPENAI_API_KEY": "openai-key-1234",
}
ADAPTERS = {
    "fal": FalProvider,
    "replicate": ReplicateProvider,
    "gemini": GeminiProvider,
    "openai": OpenAIProvider,
}
#: what people have in their shells, and libraries stumble over
SURROUNDINGS: dict[str, dict[str, str]] = {
    "a SOCKS proxy": {"ALL_PROXY": "socks5://127.0.0.1:1", "all_proxy": "socks5h://127.0.0.1:1"},
    "a proxy that is none": {"HTTPS_PROXY": "nonsense://", "HTTP_PROXY": "://"},
    "a dead proxy": {"HTTPS_PROXY": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1"},
    "certificates that are not there": {
        "SSL_CERT_FILE": "/nowhere/ca.pem",
        "SSL_CERT_DIR": "/nowhere",
    },
    "another Google": {"GOOGLE_GENAI_USE_VERTEXAI": "true", "GOOGLE_CLOUD_PROJECT": "x"},
}


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, key in KEYS.items():
        monkeypatch.setenv(name, key)


@pytest.fixture
async def opened() -> AsyncIterator[Callable[[], dict[str, HostedProvider]]]:
    all_of_them: list[HostedProvider] = []

    def open_them() -> dict[str, HostedProvider]:
        hosted = create_providers(RenderSettings(), CATALOG.models)
        all_of_them.extend(hosted.values())
        return hosted

    yield open_them
    for provider in all_of_them:
        await provider.aclose()


@pytest.mark.parametrize("surroundings", SURROUNDINGS)
async def test_what_the_environment_says_of_connections_is_not_read(
    opened: Callable[[], dict[str, HostedProvider]],
    monkeypatch: pytest.MonkeyPatch,
    surroundings: str,
) -> None:
    for name, value in SURROUNDINGS[surroundings].items():
        monkeypatch.setenv(name, value)

    hosted = opened()

    assert unusable_among(hosted) == {}
    assert {name: type(each) for name, each in hosted.items()} == ADAPTERS


@pytest.mark.parametrize("surroundings", SURROUNDINGS)
async def test_a_request_goes_where_it_should_whatever_the_environment_says(
    gemini_server: Emulator,
    openai_server: Emulator,
    monkeypatch: pytest.MonkeyPatch,
    surroundings: str,
) -> None:
    for name, value in SURROUNDINGS[surroundings].items():
        monkeypatch.setenv(name, value)

    for rig in (GeminiRig(gemini_server), OpenAIRig(openai_server)):
        assert isinstance(await rig.provider.submit(a_submission(rig.model)), RequestSucceeded)
        await rig.provider.aclose()


@pytest.mark.parametrize("name", ADAPTERS)
async def test_a_client_that_cannot_start_is_that_providers_trouble_alone(
    opened: Callable[[], dict[str, HostedProvider]], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(f"HELIOGRAPH_{name.upper()}_BASE_URL", "http://there:port/v1")

    hosted = opened()

    assert unusable_among(hosted).keys() == {name}
    assert "Invalid port" in unusable_among(hosted)[name]
    with pytest.raises(ProviderAuth, match="Invalid port"):
        await hosted[name].submit(a_submission("gemini/gemini-3.1-flash-image"))


@pytest.mark.parametrize("key", ["sk-\u201cquoted\u201d", "sk-line\n", " sk-space", "sk-\x00"])
async def test_an_unsendable_key_is_reported_without_its_value(
    opened: Callable[[], dict[str, HostedProvider]], monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    for name in KEYS:
        if "\x00" not in key:
            monkeypatch.setenv(name, key)
    settings = RenderSettings(openai_key=key)

    unusable = unusable_among(create_providers(settings, CATALOG.models))

    assert unusable["openai"] == "its key has characters that cannot be sent"
    assert not any(key.strip() in reason for reason in unusable.values())


async def test_readiness_lists_it_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HELIOGRAPH_GEMINI_BASE_URL", "http://there:port")
    monkeypatch.setenv("HELIOGRAPH_HOME", str(tmp_path / uuid4().hex))
    app = create_app(RenderSettings())

    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        ready = (await http.get("/readyz")).json()

    assert ready["unusable_providers"].keys() == {"gemini"}
    assert "Invalid port" in ready["unusable_providers"]["gemini"]
