"""
Modules that a library imports and a process may never use: they are loaded at their first use.

nats-py imports aiohttp (8 MiB) for servers that are reached by WebSockets, FastStream imports nkeys
(1 MiB) for users that sign. Neither asks what is configured.
"""

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from types import ModuleType

_DEFERRED = frozenset({"aiohttp", "nkeys"})


class _DeferredModules:
    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in _DEFERRED:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec and spec.loader:
            spec.loader = LazyLoader(spec.loader)
        return spec


def defer_modules() -> None:
    """Call before anything imports one of them. One that is not installed is missing at once, as ever."""
    sys.meta_path.insert(0, _DeferredModules())
