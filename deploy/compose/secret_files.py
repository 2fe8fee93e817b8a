"""
The secrets of `deploy/compose.yaml`, made up once: `python -m deploy.compose.secret_files`.

They lie in a folder that is closed to others. The files that containers are given can be read by
everybody, because there another user reads them; the key of the certificate authority cannot.
"""

import secrets
from pathlib import Path

from deploy.compose.certificates import make_server_certificate
from deploy.local.processes import ROOT
from heliograph.runtime.bus.server_users import server_users, write_users
from heliograph.runtime.catalog.load import load_catalog
from heliograph.runtime.nats_users import NatsUser, NatsUsers
from heliograph.runtime.settings import ServiceSettings
from heliograph.runtime.write_once import write_once

SECRETS = ROOT / "deploy" / "secrets"

_NATS, _POSTGRES = "nats", "postgres/postgres"  #: as services reach them
_SERVICES = ("gateway", "dispatcher", "render", "storage", "status")
_USERS = ("provision", *_SERVICES, "operator", "backup", "restore")
_PROVIDERS = ("fal_key", "replicate_api_token", "gemini_api_key", "openai_api_key")
_PRIVATE, _READABLE = 0o700, 0o644


def make_secrets(folder: Path) -> None:
    """
    Make what is missing or about to expire, and the configuration of NATS users anew: it follows the
    lanes of the catalog, the seeds in `nats-users`, and the users of other services.
    """
    folder.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
    folder.chmod(_PRIVATE)
    users = NatsUsers(_made(folder / "nats-users"))
    for name in _USERS:
        _write(folder / f"nats_nkey_{name}", _seed(users.user(name)))
    make_server_certificate(folder, [_NATS, "localhost", "127.0.0.1"])
    _keep(folder / "s3_access_key", secrets.token_hex(10))
    _keep(folder / "s3_secret_key", secrets.token_hex(20))
    password = _keep(folder / "database_password", secrets.token_hex(20))
    _keep(folder / "database_url", f"postgresql+asyncpg://heliograph:{password}@{_POSTGRES}")
    _keep(folder / "grafana_password", secrets.token_hex(20))
    for provider in _PROVIDERS:
        _keep(folder / provider, "")
    file = folder / "nats_users.conf"
    write_users(file, server_users(users, load_catalog(ServiceSettings()).lanes))
    file.chmod(_READABLE)


def _seed(user: NatsUser) -> str:
    assert user.seed, "a user of our own has an nkey"
    return user.seed.get_secret_value()


def _made(folder: Path) -> Path:
    folder.mkdir(mode=_PRIVATE, exist_ok=True)
    return folder


def _write(file: Path, text: str) -> None:
    """In place, as a container has it mounted."""
    _keep(file, text)
    if file.read_text() != text:
        file.write_text(text)


def _keep(file: Path, text: str) -> str:
    """The text of a file, which is made when it is missing."""
    write_once(file, text, mode=_READABLE)
    return file.read_text()


if __name__ == "__main__":
    make_secrets(SECRETS)
