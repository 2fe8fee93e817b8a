"""Data directory: the folder that holds all local state, with private permissions."""

import json
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pydantic import SecretStr

from heliograph.runtime.nats_users import NatsUsers
from heliograph.runtime.write_once import write_once


class Credentials(NamedTuple):
    """Credentials of the bundled store."""

    access_key: str
    secret_key: SecretStr


class NatsCredentials(NamedTuple):
    """Credentials of the bundled NATS server."""

    user: str  #: the owner of this machine, who may do everything
    password: SecretStr
    monitor_user: str  #: of the system account; may ask how the server is configured, nothing else
    monitor_password: SecretStr


OWNER, MONITOR = "heliograph", "monitor"  #: users of the bundled NATS server

_PRIVATE_FOLDER, _PRIVATE_FILE = 0o700, 0o600
_MARKS = ("s3-credentials.json", "nats-credentials.json", "run")  #: only a home has these


@dataclass(frozen=True)
class DataDir:
    """Data directory of a deployment on this machine. Deployments with other directories are independent."""

    path: Path

    def folder(self, *names: str) -> Path:
        """A folder below, made when it is missing."""
        folder = self.path.joinpath(*names)
        folder.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
        return folder

    def make_private(self) -> None:
        """
        Keep other users of this machine out: of what this process and its children write from now on,
        and of what an earlier release left readable.

        The modes of a folder that is not empty and was never a home are left unchanged.
        """
        os.umask(0o077)
        home = self.folder()
        is_open = home.stat().st_mode & 0o077 and home.stat().st_uid == os.geteuid()
        if is_open and (self._is_home() or not any(home.iterdir())):
            home.chmod(_PRIVATE_FOLDER)
            for folder, _, files in os.walk(home):
                Path(folder).chmod(_PRIVATE_FOLDER)
                for file in files:
                    _make_file_private(Path(folder, file))

    def _is_home(self) -> bool:
        return any((self.path / name).exists() for name in _MARKS)

    @property
    def database(self) -> Path:
        return self.folder("sql") / "status.sqlite"

    def pid_file(self, name: str) -> Path:
        return self.folder("run") / f"{name}.pid"

    def log_file(self, name: str) -> Path:
        return self.folder("logs") / f"{name}.log"

    def s3_credentials(self) -> Credentials:
        """The bundled store's credentials: made up once, readable by the owner only."""
        file = self.folder() / "s3-credentials.json"
        made = {"access_key": secrets.token_hex(10), "secret_key": secrets.token_hex(20)}
        write_once(file, json.dumps(made))
        kept = json.loads(file.read_text())
        return Credentials(kept["access_key"], SecretStr(kept["secret_key"]))

    @property
    def nats_users(self) -> NatsUsers:
        """Users of the bundled NATS server beside its owner, see `nats_credentials`."""
        return NatsUsers(self.folder("nats-users"))

    @property
    def nats_users_file(self) -> Path:
        """All users with their permissions, as the configuration of the server includes them."""
        return self.folder() / "nats-users.conf"

    @property
    def nats_credentials_file(self) -> Path:
        return self.folder() / "nats-credentials.json"

    def nats_credentials(self) -> NatsCredentials:
        """The bundled NATS server's credentials: made up once, readable by the owner only."""
        file = self.nats_credentials_file
        made = {
            "user": OWNER,
            "password": secrets.token_hex(20),
            "monitor_user": MONITOR,
            "monitor_password": secrets.token_hex(20),
        }
        write_once(file, json.dumps(made))
        kept = json.loads(file.read_text())
        return NatsCredentials(
            kept["user"],
            SecretStr(kept["password"]),
            kept["monitor_user"],
            SecretStr(kept["monitor_password"]),
        )


def _make_file_private(file: Path) -> None:
    with suppress(FileNotFoundError):  # a process that runs already took it away
        if not file.is_symlink():
            file.chmod(_PRIVATE_FILE)
