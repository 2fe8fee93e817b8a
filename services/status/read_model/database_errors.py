"""Errors of databases: their cause, and whether a value is at fault."""

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, StatementError

from heliograph.contracts.errors import Unavailable


def cause_of(error: Exception) -> str:
    """The driver's error code; its text may contain user data."""
    own = error.orig.__cause__ if isinstance(error, DBAPIError) and error.orig else None
    return type(own or error).__name__


_OF_VALUES = ("22", "54")  #: classes of SQLSTATE: data exceptions, and limits of the program
_NO_VALUES = (ValueError, TypeError, ArithmeticError, LookupError, AttributeError)


def is_about_values(error: Exception) -> bool:
    """Whether the same values could never be written, however well the database is."""
    cause = error.__cause__ if isinstance(error, Unavailable) else error
    if not isinstance(cause, DBAPIError):
        return isinstance(cause, (StatementError, *_NO_VALUES))
    driver = (cause.orig.__cause__ or cause.orig) if cause.orig else None
    state = str(getattr(driver, "sqlstate", None) or "")
    known = isinstance(cause, DataError | IntegrityError) or isinstance(driver, _NO_VALUES)
    return known or state.startswith(_OF_VALUES)
