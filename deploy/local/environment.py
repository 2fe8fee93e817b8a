"""Environment variables of each process: what it needs, and no secret that is another's."""

import os
from collections.abc import Iterable, Mapping

from dotenv import dotenv_values

from heliograph.runtime.settings import NO_ENV_FILE

SERVICES = ("gateway", "render", "storage", "status")

#: services that get each secret; every other variable of ours is not secret, and for all services
SECRETS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("FAL_KEY",), ("render",)),
    **dict.fromkeys(("REPLICATE_API_TOKEN", "REPLICATE_API_KEY", "REPLICATE_KEY"), ("render",)),
    **dict.fromkeys(("GEMINI_API_KEY", "GOOGLE_API_KEY", "GEMINI_KEY"), ("render",)),
    **dict.fromkeys(("OPENAI_API_KEY", "OPENAI_KEY"), ("render",)),
    **dict.fromkeys(("HELIOGRAPH_S3_ACCESS_KEY", "HELIOGRAPH_S3_SECRET_KEY"), ("storage",)),
    "HELIOGRAPH_DATABASE_URL": ("status",),
    "HELIOGRAPH_NATS_URL": SERVICES,
    "HELIOGRAPH_FETCH_PROXY": ("render", "storage"),
    "HELIOGRAPH_OIDC_CLIENT_SECRET": ("gateway",),
    "HELIOGRAPH_KEY": (),  # of clients
    "HELIOGRAPH_JWT_SECRET": SERVICES,
}

_OURS = "HELIOGRAPH_"
_SYSTEM = frozenset({"PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ", "TMPDIR"})
_SYSTEM_PREFIXES = ("LC_", "LD_", "DYLD_")
_SERVICE_PREFIXES = ("PYTHON", "SSL_CERT_")
_PROXIES = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"})  #: may hold passwords


def surroundings() -> dict[str, str]:
    """The environment of this process, and `.env` below it."""
    file = {name: value for name, value in dotenv_values(".env").items() if value is not None}
    known = {name.upper() for name in os.environ}
    return {**{n: v for n, v in file.items() if n.upper() not in known}, **os.environ}


def environment_of(
    role: str, everything: Mapping[str, str], *, further: Iterable[str] = ()
) -> dict[str, str]:
    """
    The environment variables of a process, chosen from `everything`.

    Args:
        role: A service, or the name of a server that is not ours.
        further: Names that every service gets beside.
    """
    names = frozenset(name.upper() for name in further)
    chosen = {n: v for n, v in everything.items() if _is_for(role, n.upper(), names)}
    if role in SERVICES:
        chosen[NO_ENV_FILE] = "yes"  # its part of that file is here
    return chosen


def _is_for(role: str, name: str, further: frozenset[str]) -> bool:
    if name in SECRETS:
        return role in SECRETS[name]
    if name in _SYSTEM or name.startswith(_SYSTEM_PREFIXES):
        return True
    if name in _PROXIES:
        return role == "render"
    return role in SERVICES and (name.startswith((_OURS, *_SERVICE_PREFIXES)) or name in further)
