"""A key set that is none is refused by name, and what was known before goes on."""

import asyncio
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm
from structlog.testing import capture_logs

from heliograph.contracts.errors import Unauthenticated, Unavailable
from heliograph.runtime.access import token_keys
from heliograph.runtime.access.key_sets import read_key_set
from heliograph.runtime.access.token_keys import KeySet
from tests.support.polling import until_true
from tests.support.timeouts import TIMEOUT

KEY = json.loads(OKPAlgorithm.to_jwk(Ed25519PrivateKey.generate().public_key()))


def a_set(*ids: str) -> str:
    return json.dumps({"keys": [{**KEY, "kid": id_, "alg": "EdDSA"} for id_ in ids]})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        "[" * 100_000,
        "null",
        "7",
        '"keys"',
        "[]",
        "{}",
        '{"keys": null}',
        '{"keys": {}}',
        '{"keys": "one"}',
        '{"keys": []}',
        '{"keys": [1, null, "one"]}',
        '{"keys": [{"kty": "unknown"}]}',
        '{"keys": [{"kty": ["OKP"]}]}',
        '{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": 7}]}',
        '{"keys": [{"kty": "RSA", "n": null, "e": {}}]}',
        '{"keys": [{"kty": "OKP", "crv": "Ed25519", "alg": ["EdDSA"]}]}',
    ],
    ids=lambda text: text[:40],
)
def test_what_is_no_key_set_is_refused(text: str) -> None:
    with pytest.raises(Unavailable, match="key set"):
        read_key_set(text)


def test_a_key_that_cannot_be_used_leaves_the_others() -> None:
    keys = json.loads(a_set("one"))["keys"]

    usable = read_key_set(json.dumps({"keys": [7, {"kty": "unknown"}, *keys]}))

    assert [key.key_id for key in usable] == ["one"]


async def test_the_last_good_keys_stay_and_later_ones_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_keys, "_INTERVAL", 0.01)
    monkeypatch.setattr(token_keys, "_RETRY_DELAY", 0.01)
    source = tmp_path / "keys.json"
    source.write_text(a_set("one"))
    keys = KeySet(str(source), "EdDSA")
    watching = asyncio.create_task(keys.watch())

    async def knows(id_: str) -> bool:
        try:
            return keys.of(id_) is not None
        except (Unauthenticated, Unavailable):
            return False

    async with asyncio.timeout(TIMEOUT):
        await until_true(lambda: knows("one"))
        with capture_logs() as logs:
            source.write_text("[]")

            async def is_refused() -> bool:
                return any(line["event"] == "JWT key set not read" for line in logs)

            await until_true(is_refused)
        assert await knows("one")
        source.write_text(a_set("two"))
        await until_true(lambda: knows("two"))

    assert not watching.done()
    watching.cancel()
