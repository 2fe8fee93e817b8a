"""
Readiness of a service on this machine, as health checks of containers ask for it.

`python -m heliograph.runtime.readiness gateway` is what `heliograph health gateway` is, without the rest
of the command line: every container asks each ten seconds, and loading that would take 0.6 s of
processor time in place of 0.25.
"""

import json
import sys
import urllib.error
import urllib.request

from heliograph.runtime.settings import ServiceSettings
from heliograph.runtime.startup import read_settings

_TIMEOUT = 5.0  #: seconds
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # a wildcard is no place to connect to


def missing_dependencies(service: str) -> str:
    """Reasons why a service is not ready; empty: it is ready."""
    settings = read_settings(ServiceSettings)
    host, port = _LOOPBACK.get(settings.host, settings.host), getattr(settings, f"{service}_port")
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{place}/readyz", timeout=_TIMEOUT):
            return ""
    except urllib.error.HTTPError as error:
        return _named(error.read()) or str(error)
    except OSError as error:
        return str(error)


def _named(body: bytes) -> str:
    """Dependencies that are not `ok`, each with the reason."""
    try:
        dependencies = json.loads(body)["dependencies"].items()
    except (ValueError, KeyError):
        return ""
    return ", ".join(f"{name}: {state}" for name, state in dependencies if state != "ok")


def _main() -> int:
    [service] = sys.argv[1:]
    if missing := missing_dependencies(service):
        sys.stderr.write(f"{service}: {missing}\n")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(_main())
