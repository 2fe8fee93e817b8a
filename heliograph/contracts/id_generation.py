"""Generation of ids: new ones, and those that a key or a job names."""

import hashlib

from ulid import ULID


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
