"""Ids and names: their grammar, and how they are made."""

import hashlib
import re
from typing import Annotated

from pydantic import StringConstraints
from ulid import ULID

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


def matches(pattern: str, name: str) -> bool:
    """Whether `name` is of the grammar. Unlike `re.match`, `$` is the very end."""
    return re.fullmatch(pattern, name) is not None


def new_job_id() -> str:
    """An id for a job that no key names; ids made later sort later."""
    return f"job_{ULID()}"


def keyed_job_id(project: str, key: str) -> str:
    """The id of the job that `key` names in `project`: the same key is always the same job."""
    return f"job_{_ulid_of(project, key)}"


def batch_id(project: str, key: str | None) -> str:
    """The id of the batch that `key` names in `project`, or of a new one."""
    return f"batch_{_ulid_of(project, key) if key else ULID()}"


def action_id(project: str, key: str) -> str:
    """The id of the action that `key` names in `project`."""
    return f"action_{_ulid_of(project, key)}"


def _ulid_of(project: str, key: str) -> ULID:
    digest = hashlib.sha256(f"{project}\0{key}".encode()).digest()
    return ULID.from_bytes(digest[:16])


def asset_id(job: str, index: int) -> str:
    """The id of a job's output number `index`, counted from 0."""
    return f"ast_{job.removeprefix('job_')}_{index}"


def job_of_asset(asset: str) -> tuple[str, int]:
    """Which job made an asset, and as which of its outputs."""
    _, job, index = asset.split("_")
    return f"job_{job}", int(index)
