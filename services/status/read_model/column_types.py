"""Column types for text that users write."""

from sqlalchemy import Dialect, String, TypeDecorator
from sqlalchemy.types import TypeEngine


class UserText(TypeDecorator[str]):
    """User text: ordered byte by byte, without NUL, which PostgreSQL cannot store."""

    impl = String
    cache_ok = True

    def __init__(self, length: int | None = None) -> None:
        super().__init__(length)
        self.length = length

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        collation = "C" if dialect.name == "postgresql" else None
        return dialect.type_descriptor(String(self.length, collation))

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return value and without_zeros(value)


def without_zeros(written: str) -> str:
    return written.replace("\0", "\ufffd")


def folded(written: str) -> str:
    """The form of a text by which texts are compared, whatever their case, in any database."""
    return without_zeros(written.casefold())
