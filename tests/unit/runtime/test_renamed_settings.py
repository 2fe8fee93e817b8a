"""A setting that was renamed is still read under its old name, for one more release."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic_settings import SettingsError

from deploy.local.processes import ROOT
from heliograph.runtime.renamed_settings import RENAMED, deprecated_variables
from heliograph.runtime.settings import ServiceSettings
from services.gateway.settings import GatewaySettings
from services.render.settings import RenderSettings
from services.status.settings import StatusSettings
from services.storage.settings import StorageSettings

SETTINGS = (ServiceSettings, GatewaySettings, RenderSettings, StatusSettings, StorageSettings)


def _with(field: str) -> type[ServiceSettings]:
    """The settings that have this field."""
    return next(settings for settings in SETTINGS if field in settings.model_fields)


def _another(value: object) -> str:
    """A valid value that is not the default."""
    match value:
        case None:
            return "http://storage.example:8082"
        case float() if value <= 1:
            return "0.25"
        case int() | float():
            return str(type(value)(value - 1))
    return "P2D"


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_a_setting_is_read_under_its_old_name(
    monkeypatch: pytest.MonkeyPatch, old: str, new: str
) -> None:
    settings = _with(new)
    other = _another(settings.model_fields[new].default)
    monkeypatch.setenv(f"HELIOGRAPH_{new}".upper(), other)
    expected = getattr(settings(), new)
    monkeypatch.delenv(f"HELIOGRAPH_{new}".upper())

    monkeypatch.setenv(f"HELIOGRAPH_{old}".upper(), other)

    assert getattr(settings(), new) == expected != settings.model_fields[new].default


def test_no_setting_has_an_old_name() -> None:
    assert not {field for each in SETTINGS for field in each.model_fields} & set(RENAMED)


def test_an_old_name_is_read_from_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("HELIOGRAPH_DRAIN=3\n")

    assert ServiceSettings().shutdown_grace_period == 3


def test_the_environment_comes_before_the_file_whichever_names_they_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("HELIOGRAPH_DRAIN=3\n")
    monkeypatch.setenv("HELIOGRAPH_DRAIN", "4")

    assert ServiceSettings().shutdown_grace_period == 4


def test_both_names_may_have_the_same_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELIOGRAPH_DRAIN", "3")
    monkeypatch.setenv("HELIOGRAPH_SHUTDOWN_GRACE_PERIOD", "3")

    assert ServiceSettings().shutdown_grace_period == 3


@pytest.mark.parametrize("in_file", ["HELIOGRAPH_DRAIN", "HELIOGRAPH_SHUTDOWN_GRACE_PERIOD"])
def test_both_names_with_different_values_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_file: str
) -> None:
    monkeypatch.setenv("HELIOGRAPH_DRAIN", "3")
    monkeypatch.setenv("HELIOGRAPH_SHUTDOWN_GRACE_PERIOD", "3")
    monkeypatch.delenv(in_file)
    (tmp_path / ".env").write_text(f"{in_file}=5\n")

    with pytest.raises(SettingsError, match="HELIOGRAPH_DRAIN"):
        ServiceSettings()


def test_a_process_with_two_values_for_a_setting_does_not_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HELIOGRAPH_DRAIN", "7123")
    monkeypatch.setenv("HELIOGRAPH_SHUTDOWN_GRACE_PERIOD", "7124")

    ended = subprocess.run(
        [sys.executable, "-m", "services.gateway"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 2
    assert "HELIOGRAPH_SHUTDOWN_GRACE_PERIOD" in ended.stderr
    assert not re.search("712[34]|Traceback", ended.stderr)


def test_old_names_that_are_set_are_known_with_the_new_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HELIOGRAPH_DRAIN", "3")
    monkeypatch.setenv("HELIOGRAPH_CATCH_UP", "3")  # of another service
    (tmp_path / ".env").write_text("HELIOGRAPH_FULL_AT=0.8\n")

    assert deprecated_variables(GatewaySettings) == {
        "HELIOGRAPH_DRAIN": "HELIOGRAPH_SHUTDOWN_GRACE_PERIOD",
        "HELIOGRAPH_FULL_AT": "HELIOGRAPH_EVENT_LOG_HIGH_WATERMARK",
    }
