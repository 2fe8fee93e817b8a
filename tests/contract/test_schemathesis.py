"""
The gateway keeps what its OpenAPI document says, whatever is sent: Schemathesis tries it.

Keys are on, and the requests are made with one that may do everything: routes that let others in, and
sequences of requests that lead from one answer to the next (the stateful phase), are tried as well.

`HELIOGRAPH_TEST_API_CASES=15000` tries so many requests in the fuzzing phase, and asks whether every body
that the document allows is accepted, too. Otherwise a minute has to do, and how far that leads depends on
the machine: a refusal of something rare must not come and go with its speed.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from heliograph.contracts.access_keys import AccessKey, parse_key
from tests.contract.schemathesis.accepted_findings import MODELS, OWN_KEY
from tests.support.access import bearer
from tests.support.stack import Stack, stack_running

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent / "schemathesis"
GOLDEN = Path(__file__).parent / "golden"
OPERATIONS = 46  #: of the gateway; the cases are spread over them
SECONDS = 60

CASES = int(os.environ.get("HELIOGRAPH_TEST_API_CASES", "0"))


@pytest.fixture(scope="module")
def first_key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("secrets") / "first-key"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, first_key_file: Path) -> Iterator[Stack]:
    own = {"HELIOGRAPH_AUTH": "keys", "HELIOGRAPH_FIRST_KEY_FILE": str(first_key_file)}
    with stack_running(tmp_path_factory.mktemp("home"), own, preloaded=True) as stack:
        yield stack


@pytest.fixture
def key(first_key_file: Path, stack: Stack) -> AccessKey:
    """The key of all requests."""
    key = parse_key(first_key_file.read_text().strip())
    assert key
    return key


def test_the_models_of_all_bodies_are_known() -> None:
    document = json.loads((GOLDEN / "gateway-openapi.json").read_text())
    operations = [each for path in document["paths"].values() for each in path.values()]
    contents = [each["requestBody"]["content"] for each in operations if "requestBody" in each]
    bodies = {content["application/json"]["schema"]["$ref"] for content in contents}

    assert {name.rpartition("/")[2] for name in bodies} <= MODELS.keys()


@pytest.mark.timeout(7_200 if CASES else 900)
def test_the_gateway_keeps_what_its_document_says(
    stack: Stack, key: AccessKey, tmp_path: Path
) -> None:
    if CASES:
        amount = ["--max-examples", str(-(-CASES // OPERATIONS))]
    else:
        amount = ["--max-time", str(SECONDS), "--generation-deterministic", "--no-shrink"]
        amount += ["--exclude-checks", "positive_data_acceptance"]

    done = subprocess.run(
        [
            Path(sys.executable).parent / "schemathesis",
            "--config-file",
            FOLDER / "schemathesis.toml",
            "run",
            f"{stack.url('gateway')}/openapi.json",
            "--no-color",
            "--continue-on-failure",
            *(f"--header={name}: {value}" for name, value in bearer(key).items()),
            *amount,
        ],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "SCHEMATHESIS_HOOKS": "tests.contract.schemathesis.accepted_findings",
            OWN_KEY: key.id,
        },
        capture_output=True,
        text=True,
        check=False,
    )

    sys.stdout.write(done.stdout)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
