"""A provider is there if its key is; whoever asks for another is told which variable to set."""

import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from deploy.local.processes import ROOT
from heliograph.runtime.fetching.errors import HostNotListed
from heliograph.runtime.fetching.fetch_hosts import FetchHosts
from heliograph.runtime.provider_settings import RESULT_HOSTS
from services.render.providers.factory import create_providers
from services.render.providers.gemini import GeminiProvider
from services.render.providers.openai import OpenAIProvider
from services.render.providers.replicate import ReplicateProvider
from services.render.providers.unconfigured import Unconfigured
from services.render.settings import RenderSettings
from tests.support.records import CATALOG

PROVIDERS = {
    "REPLICATE_API_TOKEN": ("replicate", ReplicateProvider),
    "REPLICATE_API_KEY": ("replicate", ReplicateProvider),
    "GEMINI_API_KEY": ("gemini", GeminiProvider),
    "GOOGLE_API_KEY": ("gemini", GeminiProvider),
    "OPENAI_API_KEY": ("openai", OpenAIProvider),
}


@pytest.mark.parametrize("variable", PROVIDERS)
async def test_with_its_key_a_provider_is_there(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    name, adapter = PROVIDERS[variable]
    monkeypatch.setenv(variable, "xyzzy")

    settings = RenderSettings()
    hosted = create_providers(settings, CATALOG.models)

    assert name not in settings.unusable_providers
    assert "xyzzy" not in repr(settings)
    assert type(hosted[name]) is adapter
    for provider in hosted.values():
        await provider.aclose()


@pytest.mark.parametrize("empty", [False, True])
def test_without_keys_none_is_there_and_each_says_why(
    monkeypatch: pytest.MonkeyPatch, empty: bool
) -> None:
    for variable in PROVIDERS if empty else ():
        monkeypatch.setenv(variable, "")

    settings = RenderSettings()

    assert settings.unusable_providers == {
        "fal": "FAL_KEY is not set",
        "replicate": "REPLICATE_API_TOKEN is not set",
        "gemini": "GEMINI_API_KEY is not set",
        "openai": "OPENAI_API_KEY is not set",
    }
    assert {type(each) for each in create_providers(settings, CATALOG.models).values()} == {
        Unconfigured
    }


async def test_a_server_of_ones_own_needs_no_key() -> None:
    settings = RenderSettings(openai_base_url="http://127.0.0.1:9558/v1")

    provider = create_providers(settings, CATALOG.models)["openai"]

    assert "openai" not in settings.unusable_providers
    assert isinstance(provider, OpenAIProvider)
    await provider.aclose()


def test_results_are_fetched_from_where_they_are_given() -> None:
    settings = RenderSettings(
        replicate_base_url="http://127.0.0.1:9556", openai_base_url="http://127.0.0.1:9558/v1"
    )

    assert {"replicate.delivery", "*.replicate.delivery"} < set(RESULT_HOSTS)
    assert {"127.0.0.1:9556", "127.0.0.1:9558"} < set(settings.base_url_hosts)


@pytest.mark.parametrize(
    ("base_url", "also"),
    [
        ("http://127.0.0.1:9558/v1", "localhost:9558"),
        ("http://localhost:9558/v1", "127.0.0.1:9558"),
        ("http://[::1]:9558/v1", "localhost:9558"),
    ],
)
def test_a_server_on_this_machine_may_call_itself_otherwise(base_url: str, also: str) -> None:
    hosts = RenderSettings(openai_base_url=base_url).base_url_hosts

    assert {urlsplit(base_url).netloc, also} <= set(hosts)


def test_a_server_elsewhere_has_one_name() -> None:
    hosts = RenderSettings(openai_base_url="https://there.example/v1").base_url_hosts

    assert hosts == ["there.example"]


@pytest.mark.parametrize(
    "url",
    [
        "https://fal.media/files/1.png",
        "https://v3b.fal.media/files/b/1.png",
        "https://replicate.delivery/pbxt/1/out.webp",
        "https://pbxt.replicate.delivery/1/out.webp",
        "https://oaidalleapiprodscus.blob.core.windows.net/private/1.png",
    ],
)
def test_results_of_every_provider_are_fetched_from_where_it_puts_them(url: str) -> None:
    hosts = FetchHosts(public=RESULT_HOSTS)

    assert str(hosts.check(url).url) == url
    with pytest.raises(HostNotListed, match=r"evil\.example"):
        hosts.check(url.replace("https://", "https://evil.example/"))


def test_every_model_that_is_offered_has_a_price_and_says_where_it_was_read() -> None:
    models = {
        name: model
        for name, model in CATALOG.models.items()
        if name.split("/")[0] in ("replicate", "gemini", "openai")
    }

    assert len(models) == 6
    assert all(model.price.amount > 0 and model.price.source for model in models.values())


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    """Modules of a render process, before it has any key."""
    program = "import sys, services.render.app; print(*sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(ended.stdout.split())


@pytest.mark.parametrize("client", ["google.genai", "fal_client"])
def test_the_client_of_a_provider_is_not_loaded_without_a_key(
    loaded: set[str], client: str
) -> None:
    assert "services.render.app" in loaded
    assert client not in loaded
