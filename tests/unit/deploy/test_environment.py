"""Each process gets the variables that it needs, and no secret that is another's."""

from pathlib import Path

import pytest
from pydantic import SecretStr
from pydantic_settings import BaseSettings

from deploy.local.environment import SECRETS, SERVICES, environment_of, surroundings
from deploy.local.processes import processes
from deploy.local.settings import LocalSettings
from heliograph.runtime.settings import NO_ENV_FILE, ServiceSettings
from services.gateway.settings import GatewaySettings
from services.render.settings import RenderSettings
from services.status.settings import StatusSettings
from services.storage.settings import StorageSettings

CLASSES = (ServiceSettings, GatewaySettings, RenderSettings, StatusSettings, StorageSettings)
OF_ALL = {
    "HELIOGRAPH_NATS_URL",
    "HELIOGRAPH_JWT_SECRET",
}  #: every service connects, and checks tokens
EVERYTHING = {
    **dict.fromkeys(SECRETS, "canary"),
    "PATH": "/bin",
    "HTTPS_PROXY": "http://user:canary@proxy",
    "AWS_SECRET_ACCESS_KEY": "canary",
    "HELIOGRAPH_LOG_LEVEL": "debug",
}


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("gateway", {*OF_ALL, "HELIOGRAPH_OIDC_CLIENT_SECRET"}),
        (
            "storage",
            {
                *OF_ALL,
                "HELIOGRAPH_S3_ACCESS_KEY",
                "HELIOGRAPH_S3_SECRET_KEY",
                "HELIOGRAPH_FETCH_PROXY",
            },
        ),
        ("status", {*OF_ALL, "HELIOGRAPH_DATABASE_URL"}),
        (
            "render",
            {name for name, roles in SECRETS.items() if "render" in roles} | {"HTTPS_PROXY"},
        ),
        ("", set()),
    ],
)
def test_a_secret_reaches_only_the_services_that_need_it(role: str, expected: set[str]) -> None:
    given = environment_of(role, EVERYTHING)

    assert {name for name, value in given.items() if "canary" in value} == expected
    assert given["PATH"] == "/bin"
    assert ("HELIOGRAPH_LOG_LEVEL" in given) == (role in SERVICES)


@pytest.mark.parametrize("settings", CLASSES)
def test_every_secret_of_the_settings_is_known(settings: type[BaseSettings]) -> None:
    for name, field in settings.model_fields.items():
        if SecretStr in (field.annotation, *getattr(field.annotation, "__args__", ())):
            aliases = getattr(field.validation_alias, "choices", [f"HELIOGRAPH_{name}"])
            assert {str(alias).upper() for alias in aliases} <= set(SECRETS)


def test_a_library_of_a_service_may_have_a_variable() -> None:
    everything = {"OTEL_EXPORTER": "yes"}

    assert "OTEL_EXPORTER" not in environment_of("render", everything)
    assert "OTEL_EXPORTER" in environment_of("render", everything, further=["otel_exporter"])
    assert "OTEL_EXPORTER" not in environment_of("", everything, further=["OTEL_EXPORTER"])


def test_the_file_is_read_once_and_for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that read it by itself would know the secrets of the others."""
    (tmp_path / ".env").write_text("FAL_KEY=from-file\nHELIOGRAPH_LOG_LEVEL=debug\n")
    monkeypatch.setenv("HELIOGRAPH_LOG_LEVEL", "error")

    everything = surroundings()
    for name, value in environment_of("storage", everything).items():
        monkeypatch.setenv(name, value)

    assert everything["FAL_KEY"] == "from-file"
    assert everything["HELIOGRAPH_LOG_LEVEL"] == "error"
    assert environment_of("render", everything)["FAL_KEY"] == "from-file"
    assert ServiceSettings().fal_key is None


def test_the_gateway_knows_which_providers_have_keys_and_no_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FAL_KEY", "canary")
    [gateway] = [each for each in processes(LocalSettings()) if each.name == "gateway"]

    given = environment_of(gateway.role, surroundings()) | gateway.environment
    monkeypatch.delenv("FAL_KEY")
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = GatewaySettings()

    assert NO_ENV_FILE in given
    assert settings.fal_key is None
    assert "fal" not in settings.unusable_providers
    assert settings.unusable_providers["gemini"] == "GEMINI_API_KEY is not set"
