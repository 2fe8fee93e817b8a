"""Users of a NATS server that is ours: a file for each, with its password, made up once."""

import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pydantic import SecretStr

from heliograph.runtime.write_once import write_once


class NatsUser(NamedTuple):
    """A user of the server."""

    name: str
    password: SecretStr
    projects: tuple[str, ...] = ()  #: of another service; empty: one of our own

    def url(self, place: str) -> str:
        """Address of a server at `host:port` for this user: never for logs."""
        return f"nats://{self.name}:{self.password.get_secret_value()}@{place}"


@dataclass(frozen=True)
class NatsUsers:
    """The users whose files are in a folder, which is private."""

    folder: Path

    def user(self, name: str, projects: Iterable[str] = ()) -> NatsUser:
        """A user, made at the first call; `projects` count then only."""
        file = self.folder / f"{name}.json"
        made = {"password": secrets.token_hex(20), "projects": sorted(projects)}
        write_once(file, json.dumps(made))
        return _read(file)

    def outside(self) -> list[NatsUser]:
        """Those of other services."""
        users = (_read(file) for file in sorted(self.folder.glob("*.json")))
        return [user for user in users if user.projects]


def _read(file: Path) -> NatsUser:
    kept = json.loads(file.read_text())
    return NatsUser(file.stem, SecretStr(kept["password"]), tuple(kept["projects"]))
