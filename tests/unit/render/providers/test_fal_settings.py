"""With a key there is fal; without one nothing breaks, and whoever asks is told why."""

import pytest
from pydantic import ValidationError

from heliograph.contracts.errors import ProviderAuth, ProviderUnavailable
from heliograph.runtime.provider_settings import RESULT_HOSTS
from services.render.providers import Request
from services.render.providers.factory import create_fal
from services.render.providers.fal import FalProvider
from services.render.providers.unconfigured import Unconfigured
from services.render.settings import RenderSettings
from tests.support.fal.rig import a_submission
from tests.support.records import CATALOG


def test_the_key_is_fals_own_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAL_KEY", "id:xyzzy")

    settings = RenderSettings()

    assert settings.fal_key
    assert settings.fal_key.get_secret_value() == "id:xyzzy"
    assert "xyzzy" not in repr(settings)
    assert "fal" not in settings.unusable_providers
    assert isinstance(create_fal(settings, CATALOG.models), FalProvider)


@pytest.mark.parametrize("key", [None, ""])
def test_without_a_key_the_reason_is_reported(
    monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    if key is not None:
        monkeypatch.setenv("FAL_KEY", key)

    settings = RenderSettings()

    assert settings.unusable_providers["fal"] == "FAL_KEY is not set"
    assert isinstance(create_fal(settings, CATALOG.models), Unconfigured)


async def test_a_provider_without_a_key_sends_nothing_and_says_why() -> None:
    provider, submission = Unconfigured("FAL_KEY is not set"), a_submission()
    request = Request(request_id="a", endpoint=submission.endpoint)

    with pytest.raises(ProviderAuth, match="FAL_KEY"):
        await provider.submit(submission)
    for question in (provider.poll, provider.cancel):
        with pytest.raises(ProviderUnavailable, match="FAL_KEY"):
            await question(request)
    with pytest.raises(ProviderUnavailable, match="FAL_KEY"):
        await provider.look_up(submission)


def test_a_catalog_without_a_provider_has_no_account_for_its_models() -> None:
    catalog = CATALOG.without({"fal"})

    assert catalog.account_for("fal/flux-schnell") is None
    assert catalog.account_for("sim/picture") == "sim"
    assert CATALOG.account_for("fal/flux-schnell") == "fal"


def test_results_are_fetched_from_fal_and_from_a_server_in_its_place() -> None:
    elsewhere = RenderSettings(fal_base_url="http://127.0.0.1:9555/fal")

    assert "*.fal.media" in RESULT_HOSTS
    assert "127.0.0.1:9555" in elsewhere.base_url_hosts


@pytest.mark.parametrize("url", ["127.0.0.1:9555", "ftp://fal", "http://fal?x=1", "http://a b"])
def test_an_invalid_base_url_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        RenderSettings(fal_base_url=url)
