"""Users of the bundled NATS server for other services."""

import os
import signal
from contextlib import suppress
from pathlib import Path

from heliograph.client_errors import ClientError
from heliograph.runtime.bus.permissions import permissions
from heliograph.runtime.bus.server_users import write_bundled_users
from heliograph.runtime.data_dir import MONITOR, OWNER
from heliograph.runtime.nats_users import Login, NatsUser
from heliograph.runtime.settings import ServiceSettings


def add_bus_user(
    settings: ServiceSettings, name: str, projects: list[str], *, login: Login = "password"
) -> NatsUser:
    """
    A user of the bundled NATS server for another service, which asks for jobs of these projects and
    follows them. A server that runs knows it at once.

    Raises:
        ClientError: The name is reserved, or belongs to a user with other projects or another kind
            of login.
    """
    if name in {*permissions(()), OWNER, MONITOR}:
        raise ClientError(f"{name} is a user of our own: choose another name")
    user = settings.folder.nats_users.user(name, projects, login=login)
    if set(user.projects) != set(projects):
        raise ClientError(f"{name} exists, for {', '.join(user.projects)}: choose another name")
    if login == "password" and user.password is None:
        raise ClientError(
            f"{name} exists, with an nkey: choose another name for one with a password"
        )
    if settings.folder.nats_users_file.exists():
        write_bundled_users(settings)
        _reload_server(settings.folder.pid_file("nats"))
    return user


def _reload_server(pid_file: Path) -> None:
    """Have the bundled server read its users again, if it runs."""
    with suppress(FileNotFoundError, ValueError, ProcessLookupError):
        os.kill(int(pid_file.read_text()), signal.SIGHUP)
