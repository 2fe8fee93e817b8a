"""Startup errors: a wrong setting is named in one line instead of a traceback."""

import sys
from typing import TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsError

from heliograph.runtime.renamed_settings import deprecated_variables

Settings = TypeVar("Settings", bound=BaseSettings)

CANNOT_START = 2  #: exit code
UNFIT_SERVER = 78  #: exit code: the NATS server does not meet the requirements of this release


class StartupError(Exception):
    """The process cannot start; the message has the change that the operator must make."""


def read_settings(shape: type[Settings]) -> Settings:
    """
    The settings of this process. Ends it where they are wrong, with the name of each mistake.

    What was given is not shown: there may be a key or a password in it.
    """
    try:
        return shape()
    except ValidationError as error:
        for mistake in error.errors(include_url=False, include_input=False):
            name = variable_of(shape, [str(step) for step in mistake["loc"]])
            sys.stderr.write(f"{name}: {mistake['msg']}\n" if name else f"{mistake['msg']}\n")
        for old, new in deprecated_variables(shape).items():
            sys.stderr.write(f"{old}: deprecated, the setting is {new} now\n")
    except (SettingsError, OSError) as error:  # a file of a secret may be closed to this user
        sys.stderr.write(f"{error}\n")
    sys.exit(CANNOT_START)


def variable_of(shape: type[BaseSettings], place: list[str]) -> str:
    """The environment variable that a mistake is about; empty for one about several."""
    if not place:
        return ""
    field = place[0]
    if field.isupper() or field not in shape.model_fields:
        return field
    return f"{shape.model_config.get('env_prefix', '')}{field}".upper()
