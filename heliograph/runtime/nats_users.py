"""Users of a NATS server that is ours: a file for each, and the nkey or password it logs in with."""

import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import SecretStr

from heliograph.runtime.write_once import write_once

#: an nkey signs what the server asks, and its seed stays here; a password is sent
Login = Literal["nkey", "password"]

_SEED_BYTES = 32


class NatsUser(NamedTuple):
    """A user of the server."""

    name: str
    seed_file: Path | None  #: with the seed of its nkey; null: it has none
    password: SecretStr | None  #: null: it has none
    projects: tuple[str, ...] = ()  #: of another service; empty: one of our own

    @property
    def seed(self) -> SecretStr | None:
        """Seed of the user's nkey."""
        return SecretStr(self.seed_file.read_text().strip()) if self.seed_file else None

    @property
    def nkey(self) -> str | None:
        """Public key of the user's nkey."""
        seed = self.seed
        return public_nkey(seed) if seed else None


@dataclass(frozen=True)
class NatsUsers:
    """The users whose files are in a folder, which is private."""

    folder: Path

    def user(self, name: str, projects: Iterable[str] = (), *, login: Login = "nkey") -> NatsUser:
        """
        A user, made at the first call; `projects` count then only.

        Args:
            login: What it can log in with. An nkey is added to a user that has none, a password is not.
        """
        password = {"password": secrets.token_hex(20)} if login == "password" else {}
        description = {"projects": sorted(projects), **password}
        write_once(self.folder / f"{name}.json", json.dumps(description))
        if login == "nkey":
            write_once(self.folder / f"{name}.nk", new_seed())
        return self._read(name)

    def outside(self) -> list[NatsUser]:
        """Users of other services."""
        users = [self._read(file.stem) for file in sorted(self.folder.glob("*.json"))]
        return [user for user in users if user.projects]

    def _read(self, name: str) -> NatsUser:
        kept = json.loads((self.folder / f"{name}.json").read_text())
        seed_file, password = self.folder / f"{name}.nk", kept.get("password")
        return NatsUser(
            name,
            seed_file if seed_file.exists() else None,
            SecretStr(password) if password else None,
            tuple(kept["projects"]),
        )


def new_seed() -> str:
    """The seed of a new nkey of a user."""
    import nkeys  # 1 MiB, which a service whose user has none never needs

    seed: bytes = nkeys.encode_seed(os.urandom(_SEED_BYTES), nkeys.PREFIX_BYTE_USER)
    return seed.decode()


def public_nkey(seed: SecretStr) -> str:
    """
    The public key of a seed.

    Raises:
        ValueError: The text is not the seed of a user.
    """
    import nkeys

    try:
        key: str = nkeys.from_seed(bytearray(seed.get_secret_value(), "utf-8")).public_key.decode()
    except (nkeys.NkeysError, ValueError, IndexError) as error:
        raise ValueError("not the seed of an nkey") from error
    if not key.startswith("U"):
        raise ValueError("the seed of an nkey that is no user's")
    return key
