"""The package's public names, and what importing it loads."""

import subprocess
import sys

import pytest

import heliograph

HEAVY = ("httpx", "websockets", "stamina")


@pytest.mark.parametrize("module", ["heliograph", "heliograph.contracts.records"])
def test_contracts_load_no_network_library(module: str) -> None:
    program = f"import sys, {module}; print([m for m in {HEAVY} if m in sys.modules])"

    output = subprocess.check_output([sys.executable, "-c", program], text=True, timeout=60)

    assert output.strip() == "[]"


@pytest.mark.parametrize("name", heliograph.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    assert getattr(heliograph, name).__name__ == name
    assert name in dir(heliograph)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Cursor", "ResumeCursor"),
        ("DamagedDownload", "ChecksumMismatch"),
        ("NotReachable", "ConnectionFailed"),
        ("Refused", "RequestRejected"),
    ],
)
def test_names_of_release_0_1_still_work(old: str, new: str) -> None:
    assert getattr(heliograph, old) is getattr(heliograph, new)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        heliograph.Nothing  # type: ignore[attr-defined]  # noqa: B018
