"""The Python client and the command line with a key, which they never show."""

import json
from pathlib import Path

import pytest

from heliograph.client import Client
from heliograph.client_errors import KeyRefused, RequestRejected
from heliograph.contracts.access_keys import new_key
from tests.support.shell import Ended, run_heliograph
from tests.support.stack import Stack


@pytest.fixture
def key(admin: dict[str, str]) -> str:
    return admin["Authorization"].removeprefix("Bearer ")


async def test_the_client_submits_follows_and_downloads_with_a_key(
    keyed: Stack, project: str, key: str, tmp_path: Path
) -> None:
    async with Client(keyed.url("gateway"), project=project, key=key) as client:
        job = await client.submit(kind="image", prompt="x", parameters={"seconds": 0})
        done = await client.wait(job.id)
        file = await client.download(done.assets[0], tmp_path / "x.png")

    assert file.stat().st_size == done.assets[0].bytes


async def test_without_a_key_the_client_is_told_so(keyed: Stack) -> None:
    async with Client(keyed.url("gateway")) as client:
        with pytest.raises(RequestRejected, match="unauthenticated"):
            await client.models()


async def test_a_key_comes_from_a_file(
    keyed: Stack, first_key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HELIOGRAPH_KEY_FILE", str(first_key_file))

    async with Client(keyed.url("gateway")) as client:
        assert await client.models()


@pytest.mark.parametrize(
    "text",
    [f"{new_key().text}x", "hg_live_x", "two words", "a\nb"],
    ids=["too long", "too short", "two words", "two lines"],
)
def test_what_can_be_no_key_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(KeyRefused) as refused:
        Client(key=text)

    assert text not in str(refused.value)


def test_a_missing_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELIOGRAPH_KEY_FILE", "/nowhere/key")

    with pytest.raises(KeyRefused, match="/nowhere/key cannot be read"):
        Client()


def _operate(stack: Stack, *arguments: str) -> Ended:
    return run_heliograph(stack, "keys", *arguments, "--json")


def test_an_operator_makes_rotates_and_revokes_a_key_without_one(
    keyed: Stack, project: str
) -> None:
    made = json.loads(_operate(keyed, "create", "shop", "-s", "jobs:read", "-p", project).stdout)
    rotated = json.loads(_operate(keyed, "rotate", made["id"], "--overlap", "1").stdout)
    revoked = json.loads(_operate(keyed, "revoke", made["id"]).stdout)
    listed = [json.loads(line) for line in _operate(keyed, "list").stdout.splitlines()]

    assert (made["scopes"], made["projects"]) == (["jobs:read"], [project])
    assert rotated["id"] == made["id"]
    assert rotated["key"] != made["key"]
    assert revoked["revoked_at"]
    assert revoked in listed
    assert not any("key" in each for each in listed)


def test_a_new_key_is_alone_on_its_line_and_works_for_commands(keyed: Stack) -> None:
    key = run_heliograph(keyed, "keys", "create", "script", "-s", "jobs:read").stdout

    def models_are_listed() -> bool:
        ended = run_heliograph(keyed, "models", "--json", HELIOGRAPH_KEY=key.strip())
        return ended.returncode == 0 and "sim/picture" in ended.stdout

    assert key.count("\n") == 1
    assert any(models_are_listed() for _ in range(20))


@pytest.mark.parametrize(
    ("arguments", "reason", "code"),
    [
        (("create", "x", "-s", "everything"), "scopes", 2),
        (("create", "x", "-s", "jobs:read", "-p", "a.b"), "projects", 2),
        (("revoke", "zzzzzzzz"), "there is no key zzzzzzzz", 1),
        (("revoke", ">"), "there is no key >", 1),
        (("rotate", "00000000"), "there is no key 00000000", 1),
    ],
)
def test_a_mistake_is_told(
    keyed: Stack, arguments: tuple[str, ...], reason: str, code: int
) -> None:
    ended = _operate(keyed, *arguments)

    assert (ended.returncode, ended.stdout) == (code, "")
    assert reason in ended.stderr
