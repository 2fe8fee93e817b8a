"""The command line works in any shell, and says in one sentence what it cannot do."""

import json
from pathlib import Path

import pytest

from tests.support.servers import free_port
from tests.support.shell import run_heliograph, run_process
from tests.support.stack import Stack

USAGE, UNREACHABLE = 2, 3

#: what a shell may have, of which nothing was meant for us
FOREIGN = [
    {"ALL_PROXY": "socks5://127.0.0.1:1"},
    {"HTTP_PROXY": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1"},
    {"SSL_CERT_FILE": "/nowhere/certificates.pem", "SSL_CERT_DIR": "/nowhere"},
    {"HTTPS_PROXY": "nonsense", "NO_PROXY": "[::1", "ALL_PROXY": "nonsense"},
    {"NETRC": "/nowhere/netrc"},
]


@pytest.mark.parametrize("environment", FOREIGN, ids=lambda each: next(iter(each)))
def test_what_was_meant_for_other_programs_is_not_read(
    stack: Stack, project: str, environment: dict[str, str]
) -> None:
    ended = run_heliograph(
        stack, "submit", "x", "-p", project, "-P", "seconds=0", "--json", **environment
    )

    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["status"] == "succeeded"


def test_a_configured_proxy_is_used(stack: Stack) -> None:
    place = f"127.0.0.1:{free_port()}"

    ended = run_heliograph(stack, "models", HELIOGRAPH_PROXY=f"http://{place}")

    assert ended.returncode == UNREACHABLE
    assert "does not answer" in ended.stderr


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("localhost:8080", "neither http:// nor https://"),
        ("ftp://localhost", "neither http:// nor https://"),
        ("127.0.0.1", "neither http:// nor https://"),
        ("http://", "no host"),
        ("http://[", "http://["),
        ("http://a:b", "http://a:b"),
        ("http://\udcff", "http://"),
    ],
)
@pytest.mark.parametrize("setting", ["HELIOGRAPH_PUBLIC_URL", "HELIOGRAPH_PROXY"])
def test_an_address_that_is_refused_says_which_and_why(
    stack: Stack, setting: str, address: str, why: str
) -> None:
    ended = run_heliograph(stack, "jobs", **{setting: address})

    assert ended.returncode == UNREACHABLE
    assert why in ended.stderr
    assert len(ended.stderr.splitlines()) == 1, ended.stderr


def test_an_unreachable_url_is_named_with_the_reason(stack: Stack) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"

    ended = run_heliograph(stack, "jobs", HELIOGRAPH_PUBLIC_URL=nowhere)

    assert ended.returncode == UNREACHABLE
    assert nowhere in ended.stderr
    assert "refused" in ended.stderr or "failed" in ended.stderr


def test_a_server_that_is_not_a_gateway_is_named(stack: Stack) -> None:
    ended = run_heliograph(stack, "models", HELIOGRAPH_PUBLIC_URL=stack.url("storage"))

    assert ended.returncode in (USAGE, UNREACHABLE)
    assert len(ended.stderr.splitlines()) == 1


# -- what cannot be sent


@pytest.mark.parametrize(
    "arguments",
    [
        ("submit", "a byte \udcff of a terminal"),
        ("submit", "half an emoji \udced\udca0\udcbd"),
        ("submit", "x", "-P", 'note="\\ud83d"'),
        ("submit", "x", "-P", "seconds=NaN"),
        ("submit", "x", "--key", "clé"),
        ("submit", "x", "--key", "two\nlines"),
        ("submit", "x", "-p", "\udce9"),
        ("get", "job_\udce9"),
        ("jobs", "--kind", "\udce9"),
    ],
    ids=ascii,
)
def test_what_no_encoding_carries_is_an_error_in_one_line(
    stack: Stack, arguments: tuple[str, ...]
) -> None:
    ended = run_heliograph(stack, *arguments)

    assert ended.returncode == USAGE, ended.stderr
    assert len(ended.stderr.splitlines()) == 1, ended.stderr


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b'{"kind": "image", "prompt": "\xff"}\n', USAGE),
        (b'{"kind": "image", "prompt": "\\ud83d"}\n', USAGE),
        (b'\xef\xbb\xbf{"kind": "image", "prompt": "x", "parameters": {"seconds": 0}}\n', 0),
    ],
)
def test_a_file_is_read_as_unicode_or_refused(
    stack: Stack, project: str, tmp_path: Path, content: bytes, code: int
) -> None:
    file = tmp_path / "jobs.jsonl"
    file.write_bytes(content)

    ended = run_heliograph(stack, "batch", str(file), "-p", project)

    assert ended.returncode == code, ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_terminal_that_cannot_show_it_all_shows_the_rest(stack: Stack, project: str) -> None:
    ended = run_process(
        stack, "submit", "ein Leuchtturm für Zoë", "-p", project, "--no-wait",
        PYTHONIOENCODING="ascii", PYTHONUTF8="0",
    )  # fmt: skip

    assert ended.returncode == 0, ended.stderr


# -- waiting


def test_waiting_ends_at_its_timeout(stack: Stack, project: str) -> None:
    ended = run_heliograph(
        stack, "submit", "x", "-p", project, "-P", "seconds=600", "--timeout", "1"
    )

    assert ended.returncode == 1
    assert "not finished after 1 s" in ended.stderr


def test_a_job_that_is_not_there_is_not_followed(stack: Stack, project: str) -> None:
    ended = run_heliograph(stack, "follow", "job_01ARZ3NDEKTSV4RRFFQ69G5FAV", "-p", project)

    assert ended.returncode == USAGE
    assert "not_found" in ended.stderr


# -- tables


def test_a_list_is_a_table_without_signed_addresses(stack: Stack, project: str) -> None:
    for slot in ("portrait/keeper", None):
        named = ["-s", slot] if slot else []
        run_heliograph(stack, "submit", "x", "-p", project, "-P", "price=0.05", *named)

    ended = run_heliograph(stack, "jobs", "-p", project)
    while len(ended.stdout.splitlines()) < 3:  # the read model is a moment behind
        ended = run_heliograph(stack, "jobs", "-p", project)

    head, first, second = ended.stdout.splitlines()
    assert head.split() == ["id", "kind", "slot", "state", "age", "cost"]
    assert first.split()[1:3] == ["image", "succeeded"]
    assert second.split()[1:4] == ["image", "portrait/keeper", "succeeded"]
    assert second.split()[-2:] == ["0.05", "USD"]
    assert "http" not in ended.stdout
    assert "None" not in ended.stdout


def test_models_have_prices_and_what_is_not_known_is_an_empty_cell(stack: Stack) -> None:
    models = run_heliograph(stack, "models").stdout
    lanes = run_heliograph(stack, "lanes").stdout

    assert "price" in models.splitlines()[0]
    assert "by price" in models
    assert "None" not in models + lanes
