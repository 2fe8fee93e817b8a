"""
Modules that libraries import and a service may never use.

Some are loaded at their first use: nats-py imports aiohttp (8 MiB) for servers that are reached by
WebSockets, FastStream imports nkeys (1 MiB) for users that sign. Neither asks what is configured.

Some are left out: libraries import them where they are installed, and do without where they are not.
The command line draws with Rich; structlog and httpx would draw with it as well, which a service never
asks them to (4 MiB with Pygments). FastAPI imports `pydantic.v1` only to refuse models of it (2 MiB).
"""

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from types import ModuleType

_DEFERRED = frozenset({"aiohttp", "nkeys"})
_LEFT_OUT = frozenset({"pydantic.v1", "pygments", "rich"})


class _DeferredModules:
    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name in _LEFT_OUT:
            raise ModuleNotFoundError(f"{name} is left out of services", name=name)
        if name not in _DEFERRED:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec and spec.loader:
            spec.loader = LazyLoader(spec.loader)
        return spec


def defer_modules() -> None:
    """Call before anything imports one of them. One that is not installed is missing at once, as ever."""
    sys.meta_path.insert(0, _DeferredModules())
