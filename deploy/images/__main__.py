"""
Build images: `python -m deploy.images` those of the services, `python -m deploy.images --servers` those
of the servers beside them, from what this machine has installed.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Mapping

from deploy.images.base import BASE_IMAGE, BUILD_IMAGE, build_base
from deploy.images.docker import CommandFailed, build, has_image, size
from deploy.images.runtime_lock import EXTRAS
from deploy.images.server_images import build_servers
from deploy.local.processes import ROOT
from heliograph.runtime.startup import StartupError

_MB = 1_000_000


def main() -> int:
    """Exit code 0: all are there; 1: a build failed; 2: something to build with is missing."""
    parser = argparse.ArgumentParser(prog="python -m deploy.images", description=__doc__)
    parser.add_argument("--base", help="image with Python to build on; default: one made here")
    parser.add_argument("--prefix", default="heliograph/", help="of names of images")
    parser.add_argument("--version", default="0.1.0", help="tag, and label")
    parser.add_argument("--servers", action="store_true", help="those of the servers instead")
    arguments = parser.parse_args()
    try:
        base = arguments.base or _own(BASE_IMAGE)
        if arguments.servers:
            images = build_servers(base)
        else:
            bases = {"BASE": base, "BUILD_BASE": arguments.base or _own(BUILD_IMAGE)}
            images = [_service(name, bases, arguments.prefix, arguments.version) for name in EXTRAS]
    except StartupError as error:
        print(error, file=sys.stderr)
        return 2
    except CommandFailed as error:
        print(error, file=sys.stderr)
        return 1
    for image in images:
        print(f"{image:<32} {size(image) / _MB:6.0f} MB")
    return 0


def _own(image: str) -> str:
    if not has_image(image):
        build_base(image)
    return image


def _service(name: str, bases: Mapping[str, str], prefix: str, version: str) -> str:
    began, image = time.monotonic(), f"{prefix}{name}:{version}"
    variables = {**bases, "SERVICE": name, "VERSION": version, "REVISION": _revision()}
    build(image, ROOT, ROOT / "deploy" / "Dockerfile", variables)
    print(f"{image} built in {time.monotonic() - began:.0f} s", file=sys.stderr)
    return image


def _revision() -> str:
    command = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main())
