"""Users in the configuration of a NATS server that is ours, each with its permissions."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from heliograph.runtime.bus.permissions import outside_permissions, permissions
from heliograph.runtime.bus.subject_permissions import Permissions
from heliograph.runtime.catalog.load import load_catalog
from heliograph.runtime.nats_users import NatsUser, NatsUsers
from heliograph.runtime.settings import ServiceSettings


def server_users(users: NatsUsers, lanes: Iterable[str]) -> list[dict[str, Any]]:
    """Our services, provisioning and operators, then other services, as JSON that the server reads."""
    granted = [(users.user(name), allowed) for name, allowed in permissions(lanes).items()]
    granted += [(user, outside_permissions(user.name, user.projects)) for user in users.outside()]
    return [entry for user, allowed in granted for entry in _entries(user, allowed)]


def write_users(file: Path, users: list[dict[str, Any]]) -> None:
    """
    Write users as the configuration of a server includes them; one that runs reads it at SIGHUP.

    In place: where the file is mounted into a container, another of its name would not be seen there.
    """
    file.touch(mode=0o600)
    file.write_text(f"users: {json.dumps(users, indent=1)}\n")


def write_bundled_users(settings: ServiceSettings) -> None:
    """Users of the bundled server: the owner of this machine, and all others."""
    credentials = settings.folder.nats_credentials()
    owner = {"user": credentials.user, "password": credentials.password.get_secret_value()}
    others = server_users(settings.folder.nats_users, load_catalog(settings).lanes)
    write_users(settings.folder.nats_users_file, [owner, *others])


def _entries(user: NatsUser, allowed: Permissions) -> list[dict[str, Any]]:
    """Entries of a user: one per login method, with the same permissions."""
    logins: list[dict[str, Any]] = []
    if nkey := user.nkey:
        logins.append({"nkey": nkey})
    if user.password:
        logins.append({"user": user.name, "password": user.password.get_secret_value()})
    return [login | {"permissions": allowed.configuration()} for login in logins]
