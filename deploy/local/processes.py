"""Processes of a deployment on one machine: start commands and readiness checks."""

import json
import re
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.disk import store_limit
from deploy.local.environment import SERVICES
from deploy.local.settings import LocalSettings
from heliograph.runtime.bus.server_users import write_bundled_users
from heliograph.runtime.catalog.load import load_catalog
from heliograph.runtime.data_dir import NatsCredentials
from heliograph.runtime.settings import ServiceSettings
from heliograph.runtime.startup import StartupError

# A stream that could not be written to is not written to again, whatever room there is.
_CANNOT_WRITE = re.compile(
    r"no space left on device|disk quota exceeded|critical write error", re.IGNORECASE
)

ROOT = Path(__file__).resolve().parents[2]
_DIRECTORY_CACHE = "10s"  #: rclone's default is five minutes
GRACE = 12.0  #: seconds to end before a process is killed: a drain, and a little more


@dataclass(frozen=True)
class Process:
    """One program."""

    name: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)  #: beside what its role is given
    keeps_pid: bool = False  #: it holds its own pid file
    #: output which shows that it cannot write any more until a restart
    stuck: re.Pattern[str] | None = None
    role: str = ""  #: the service it is one of; empty: not one of ours
    grace: float = GRACE  #: seconds that it has to end


@dataclass(frozen=True)
class Port:
    """A port that will be bound, and the setting that moves it."""

    setting: str
    number: int


class NotInstalled(StartupError):
    """A program is missing; `make setup` installs it."""


def nats_server(settings: ServiceSettings) -> Process:
    """
    The bundled NATS server, its store at home.

    It has no monitoring port: pages in a browser could read it.
    """
    command = [
        program("nats-server"),
        "--config",
        str(nats_configuration(settings)),
        "--addr",
        settings.host,
        "--port",
        str(settings.nats_port),
        "--store_dir",
        str(settings.folder.folder("nats")),
    ]
    variables = nats_variables(settings.folder.nats_credentials(), store_limit(settings))
    return Process("nats", command, variables, stuck=_CANNOT_WRITE)


def nats_configuration(settings: ServiceSettings) -> Path:
    """`deploy/nats.conf` at home, beside the users that it includes."""
    write_bundled_users(settings)
    file = settings.folder.folder() / "nats.conf"
    file.write_text((ROOT / "deploy" / "nats.conf").read_text())
    return file


def nats_variables(credentials: NatsCredentials, max_store: int) -> dict[str, str]:
    """Environment variables that `deploy/nats.conf` reads; quoted, as it guesses types."""
    values = {
        "HELIOGRAPH_NATS_MONITOR_USER": credentials.monitor_user,
        "HELIOGRAPH_NATS_MONITOR_PASSWORD": credentials.monitor_password.get_secret_value(),
    }
    quoted = {name: json.dumps(value) for name, value in values.items()}
    return {**quoted, "HELIOGRAPH_NATS_MAX_STORE": str(max_store)}


def s3_server(settings: ServiceSettings) -> Process:
    """
    The bundled S3 server: rclone on a folder, behind a proxy for ranges.

    Without its cache, which would keep objects where a killed server forgets them. What it remembers of a
    directory may name a temporary file that is gone: then it responds with 500 until it looks again.
    """
    access_key, secret_key = settings.folder.s3_credentials()
    proxy = [
        sys.executable,
        "-m",
        "deploy.local.range_proxy",
        f"{settings.host}:{settings.s3_port}",
        f"{settings.host}:{settings.s3_internal_port}",
    ]
    flags = ["--vfs-cache-mode", "off", "--dir-cache-time", _DIRECTORY_CACHE, "--config", ""]
    rclone = [program("rclone"), "serve", "s3", *flags]
    secret = f'"{access_key},{secret_key.get_secret_value()}"'  # quoted: lists are read as CSV
    environment = {"RCLONE_AUTH_KEY": secret}  # not on the command line: `ps`
    return Process("s3", [*proxy, *rclone, str(settings.folder.folder("s3"))], environment)


def service(name: str, settings: LocalSettings) -> list[Process]:
    """One of our services, in the configured number of processes, each on its own port."""
    command = [sys.executable, "-m", f"services.{name}"]
    match name:
        case "storage":
            shared = _hosts_of_results(settings)
        case "gateway":
            shared = {"HELIOGRAPH_CONFIGURED_PROVIDERS": ",".join(settings.usable_providers)}
        case _:
            shared = {}
    shared |= _bus_of(name, settings)
    grace = GRACE + (longest_response(settings) if name == "render" else 0)
    return [
        Process(
            name if number == 1 else f"{name}-{number}",
            command,
            {**shared, f"HELIOGRAPH_{name.upper()}_PORT": str(port)},
            keeps_pid=True,
            role=name,
            grace=grace,
        )
        for number, port in enumerate(settings.service_ports(name), start=1)
    ]


def _bus_of(name: str, settings: LocalSettings) -> dict[str, str]:
    """A user of its own on the bundled server, which may do what the service does and no more."""
    if settings.nats_url is not None:
        return {}
    return {
        "HELIOGRAPH_NATS_URL": settings.nats,
        "HELIOGRAPH_NATS_NKEY_FILE": str(settings.folder.nats_users.user(name).seed_file),
        "HELIOGRAPH_PROVISION": "false",  # `make up` does, as the owner
    }


def longest_response(settings: LocalSettings) -> float:
    """Seconds that render waits, at most, for responses in flight that cannot be requested again."""
    return load_catalog(settings).without(settings.unusable_providers).longest_response


def _hosts_of_results(settings: LocalSettings) -> dict[str, str]:
    """Storage knows the first render by itself; the others are further hosts to fetch from."""
    others = [f"{settings.host}:{port}" for port in settings.service_ports("render")[1:]]
    return {"HELIOGRAPH_PROVIDER_HOSTS": ",".join([*settings.provider_hosts, *others])}


def processes(settings: LocalSettings) -> list[Process]:
    """Everything that has to run, servers first."""
    services = [process for name in SERVICES for process in service(name, settings)]
    return [*servers(settings), *services]


def servers(settings: LocalSettings) -> list[Process]:
    """The bundled NATS and S3. Servers of the operator's own are not started."""
    bundled = []
    if settings.nats_url is None:
        bundled.append(nats_server(settings))
    if settings.s3_endpoint is None:
        bundled.append(s3_server(settings))
    return bundled


def ports(settings: LocalSettings) -> list[Port]:
    """Every port that will be bound."""
    services = [
        Port(f"HELIOGRAPH_{s.upper()}_PORT", port)
        for s in SERVICES
        for port in settings.service_ports(s)
    ]
    return [*services, *server_ports(settings)]


def server_ports(settings: LocalSettings) -> list[Port]:
    """Ports of the bundled NATS and S3."""
    needed = []
    if settings.nats_url is None:
        needed.append(Port("HELIOGRAPH_NATS_PORT", settings.nats_port))
    if settings.s3_endpoint is None:
        needed.append(Port("HELIOGRAPH_S3_PORT", settings.s3_port))
        needed.append(Port("HELIOGRAPH_S3_INTERNAL_PORT", settings.s3_internal_port))
    return needed


def program(name: str) -> str:
    """Path of a program: beside our Python, or on PATH. Raises NotInstalled."""
    beside = Path(sys.executable).with_name(name)
    path = str(beside) if beside.exists() else shutil.which(name)
    if path is None:
        how = "run `make setup`, or install it by the system's package manager"
        raise NotInstalled(f"{name} is not installed: {how}")
    return path
