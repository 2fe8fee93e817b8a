"""A base image of this machine's own Debian packages, where no registry of images is reached."""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from deploy.images.docker import run
from deploy.local.processes import program

BASE_IMAGE = "heliograph-local/base"  #: what services run on
BUILD_IMAGE = "heliograph-local/build"  #: what their images are built on

#: C++ for libraries of packages, and for Node, which builds the console
_PACKAGES = {
    BASE_IMAGE: "python3,libstdc++6",
    BUILD_IMAGE: "python3,python3-venv,libstdc++6,binutils",
}
_HOOKS = "/usr/share/mmdebstrap/hooks/maybe-merged-usr"  # usrmerge brings all of Perl, too
_LEFT_OUT = ("doc", "man", "info", "locale", "lintian", "bug")  #: folders of /usr/share
_TRUSTED = Path("/etc/ssl/certs/ca-certificates.crt")
_VARIABLES = ("SSL_CERT_FILE", "PIP_CERT", "NODE_EXTRA_CA_CERTS")


def build_base(image: str) -> None:
    """
    Build one of the two images above: Debian's essential packages with Python, and the certificates that this machine trusts: behind a
    proxy that signs, a build reaches nothing without them.

    Raises:
        NotInstalled: mmdebstrap or Docker is not installed.
        CommandFailed: A command failed; its output has the reason.
    """
    bootstrap, docker = program("mmdebstrap"), program("docker")
    print(f"Building {image}; once, a minute or two", file=sys.stderr)
    with TemporaryDirectory() as folder:
        archive = Path(folder) / "base.tar"
        left_out = [f"--dpkgopt=path-exclude=/usr/share/{each}/*" for each in _LEFT_OUT]
        place = f'--customize-hook=mkdir -p "$1{_TRUSTED.parent}"'
        trusted = f'--customize-hook=copy-in {_TRUSTED} "{_TRUSTED.parent}"'
        run(
            [
                *(
                    bootstrap,
                    "--quiet",
                    "--variant=essential",
                    f"--include={_PACKAGES[image]}",
                    *left_out,
                ),
                *(f"--hook-dir={_HOOKS}", place, trusted, _suite(), str(archive)),
            ]
        )
        changes = [f"--change=ENV {name}={_TRUSTED}" for name in _VARIABLES]
        run([docker, "import", *changes, str(archive), image])


def _suite() -> str:
    """Name of the release of Debian that this machine runs."""
    command = [". /etc/os-release; echo $VERSION_CODENAME"]
    return subprocess.run(
        ["/bin/sh", "-c", *command], capture_output=True, text=True, check=True
    ).stdout.strip()
