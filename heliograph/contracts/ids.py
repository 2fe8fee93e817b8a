"""Ids and names: their grammar."""

import re
from typing import Annotated

from pydantic import StringConstraints

SEGMENT = r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"
_ULID = r"[0-7][0-9A-HJKMNP-TV-Z]{25}"

PROJECT_PATTERN = rf"^{SEGMENT}$"
SLOT_PATTERN = rf"^{SEGMENT}(/{SEGMENT}){{0,7}}$"
JOB_PATTERN = rf"^job_{_ULID}$"
BATCH_PATTERN = rf"^batch_{_ULID}$"
ASSET_PATTERN = rf"^ast_{_ULID}_[0-9]{{1,3}}$"
MODEL_PATTERN = rf"^{SEGMENT}/[A-Za-z0-9][A-Za-z0-9._-]{{0,63}}$"
SHA256_PATTERN = r"^[0-9a-f]{64}$"

ProjectName = Annotated[str, StringConstraints(pattern=PROJECT_PATTERN)]
SlotName = Annotated[str, StringConstraints(pattern=SLOT_PATTERN)]
Label = Annotated[str, StringConstraints(pattern=PROJECT_PATTERN)]
JobId = Annotated[str, StringConstraints(pattern=JOB_PATTERN)]
BatchId = Annotated[str, StringConstraints(pattern=BATCH_PATTERN)]
AssetId = Annotated[str, StringConstraints(pattern=ASSET_PATTERN)]
ModelName = Annotated[str, StringConstraints(pattern=MODEL_PATTERN)]
Sha256 = Annotated[str, StringConstraints(pattern=SHA256_PATTERN)]
UserName = Annotated[
    str, StringConstraints(min_length=1, max_length=128)
]  #: of an application's user


def matches(pattern: str, name: str) -> bool:
    """Whether `name` is of the grammar. Unlike `re.match`, `$` is the very end."""
    return re.fullmatch(pattern, name) is not None
