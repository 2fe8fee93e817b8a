"""Secrets as files: a folder in which each file is named as a setting and holds its value."""

import os
from pathlib import Path

from pydantic_settings import BaseSettings, SecretsSettingsSource, SettingsError

SECRETS_DIR = "HELIOGRAPH_SECRETS_DIR"  #: set: the folder of secrets, as Docker's `/run/secrets`


def secret_files(shape: type[BaseSettings]) -> list[SecretsSettingsSource]:
    """
    The source that reads them: a file `heliograph_s3_secret_key` is `HELIOGRAPH_S3_SECRET_KEY`, in
    whatever case. None where no folder is named.

    Raises:
        SettingsError: The folder does not exist.
    """
    folder = os.environ.get(SECRETS_DIR)
    if not folder:
        return []
    if not Path(folder).is_dir():
        raise SettingsError(f"{SECRETS_DIR}: {folder} is not a folder")
    return [SecretsSettingsSource(shape, secrets_dir=folder)]
