"""The current catalog. It is replaced as a whole when its files change, see `reload`."""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from heliograph.contracts.catalog import Catalog

Entry = TypeVar("Entry")


class CurrentCatalog:
    """The current catalog. It is replaced as a whole when its files change, see `reload`."""

    def __init__(self, catalog: Catalog) -> None:
        self.current = catalog

    def section(self, of: Callable[[Catalog], Mapping[str, Entry]]) -> Mapping[str, Entry]:
        """One section of whichever catalog holds, as `section(lambda catalog: catalog.models)`."""
        return _Section(self, of)


class _Section(Mapping[str, Entry]):
    def __init__(
        self, catalog: CurrentCatalog, of: Callable[[Catalog], Mapping[str, Entry]]
    ) -> None:
        self._catalog = catalog
        self._of = of

    def __getitem__(self, name: str) -> Entry:
        return self._of(self._catalog.current)[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._of(self._catalog.current))

    def __len__(self) -> int:
        return len(self._of(self._catalog.current))
