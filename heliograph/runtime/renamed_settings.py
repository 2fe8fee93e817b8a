"""Renamed settings: an old name works for one more release, and is logged with the new one."""

from collections.abc import Mapping, Sequence

from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsError,
)

#: old name -> new name, both without the prefix of environment variables
RENAMED = {
    "address_life": "presigned_url_ttl",
    "catch_up": "read_your_writes_timeout",
    "claim_courtesy": "slot_claim_timeout",
    "clean_every": "retention_interval",
    "clean_grace": "object_grace_period",
    "drain": "shutdown_grace_period",
    "fal_reference_life": "fal_upload_ttl",
    "full_at": "event_log_high_watermark",
    "janitor_every": "compaction_interval",
    "keep_events": "event_retention",
    "live_patience": "live_subscribe_timeout",
    "look_ahead": "prefetch",
    "look_up_first": "lookup_backoff_min",
    "look_up_longest": "lookup_backoff_max",
    "most_projects": "max_projects",
    "outbox_bytes": "send_queue_bytes",
    "plans_kept": "plan_retention",
    "progress_every": "progress_interval",
    "reap_after": "sweep_idle_after",
    "reap_every": "sweep_interval",
    "reference_claim": "reference_upload_lease",
    "reuse_patience": "result_cache_timeout",
    "ring_bytes": "event_buffer_bytes",
    "s3_inside_port": "s3_internal_port",
    "sign_patience": "presign_timeout",
    "sim_records_kept": "sim_record_retention",
    "snapshot_final": "snapshot_keeps_finished_for",
    "storage_inside_url": "storage_internal_url",
    "store_patience": "storage_retry_deadline",
    "unknown_after": "submit_unknown_expires_after",
    "uploads_keep": "upload_retention_days",
    "uploads_sweep_every": "upload_sweep_interval",
    "young_result": "missing_result_deadline",
}


def accept_old_names(
    shape: type[BaseSettings], *sources: PydanticBaseSettingsSource
) -> tuple[PydanticBaseSettingsSource, ...]:
    """
    The sources, with the values of old names under the new ones as well.

    Args:
        sources: Those that come first win.

    Raises:
        SettingsError: An old name and its new name have different values. The message does not
            contain them.
    """
    readers = [source for source in sources if isinstance(source, EnvSettingsSource)]
    values = _values_of(readers)
    for old, new in _renamed_variables(shape, values):
        if values.get(new, values[old]) != values[old]:
            raise SettingsError(f"{new.upper()} has another value under its old name {old.upper()}")
        for reader in readers:
            if old in reader.env_vars:
                reader.env_vars = {new: reader.env_vars[old], **reader.env_vars}
    return sources


def deprecated_variables(shape: type[BaseSettings]) -> dict[str, str]:
    """Variables of the environment and `.env` that are set under an old name: old -> new."""
    values = _values_of([EnvSettingsSource(shape), DotEnvSettingsSource(shape)])
    return {old.upper(): new.upper() for old, new in _renamed_variables(shape, values)}


def _values_of(readers: Sequence[EnvSettingsSource]) -> Mapping[str, str | None]:
    """Values by variable names in lower case."""
    return {name: value for reader in reversed(readers) for name, value in reader.env_vars.items()}


def _renamed_variables(
    shape: type[BaseSettings], values: Mapping[str, str | None]
) -> list[tuple[str, str]]:
    """Old and new names of settings of this shape that are set under their old one."""
    prefix = shape.model_config.get("env_prefix", "").lower()
    names = [
        (prefix + old, prefix + new) for old, new in RENAMED.items() if new in shape.model_fields
    ]
    return [(old, new) for old, new in names if old in values]
