"""Programs of Kubernetes, which `make kubernetes` builds, and files that come with them."""

import shutil
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[3] / ".tools"
CUSTOM_RESOURCES = (
    TOOLS / "kubernetes" / "crds"
)  #: definitions of KEDA and of the Prometheus operator
STAGES = TOOLS / "kubernetes" / "stages"  #: what kwok says of nodes and pods, and when


def program(name: str) -> str:
    """The path of a program, the built one first. A test fails without it."""
    path = shutil.which(name, path=str(TOOLS / "bin")) or shutil.which(name)
    return path or pytest.fail(f"there is no {name}: run `make kubernetes`", pytrace=False)
