"""Documents lead to modules that are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_FOLDERS = ("heliograph", "services", "clients", "console", "deploy", "bench", "tests")


@pytest.mark.parametrize(
    "document", ["README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/glossary.md"]
)
def test_every_module_that_a_document_names_exists(document: str) -> None:
    named = set(re.findall(r"`([\w/.-]+\.(?:py|ts))`", (ROOT / document).read_text()))
    known = {
        f"/{file.relative_to(ROOT)}"
        for folder in _FOLDERS
        for kind in ("py", "ts")
        for file in (ROOT / folder).rglob(f"*.{kind}")
    }

    missing = {name for name in named if not any(file.endswith(f"/{name}") for file in known)}

    assert missing == set()
