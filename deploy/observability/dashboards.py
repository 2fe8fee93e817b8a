"""
The Grafana dashboards: `python -m deploy.observability.dashboards` writes them into `dashboards/`.

A dashboard answers one person's questions: of who sends jobs, of who pays providers, of who runs the machines.
"""

from pathlib import Path

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from deploy.observability.panels import (
    added,
    dashboard,
    each,
    graph,
    highest,
    per_hour,
    per_second,
    quantile,
)

FOLDER = Path(__file__).parent / "dashboards"

_BREAKER_LEVELS = "0 closed, 1 half open, 2 open"


def jobs() -> Dashboard:
    """Are jobs done, how fast, and what waits?"""
    flow = [
        graph("Accepted", per_second("heliograph_jobs_accepted_total", "kind"), unit="ops"),
        graph("Started", per_second("heliograph_jobs_started_total", "kind"), unit="ops"),
        graph("Ended", per_second("heliograph_jobs_finished_total", "outcome"), unit="ops"),
        graph("Failures", per_second("heliograph_job_failures_total", "code"), unit="ops"),
    ]
    times = [
        graph("Half are done within", quantile(0.5, "heliograph_job_seconds", "kind"), unit="s"),
        graph("95 % are done within", quantile(0.95, "heliograph_job_seconds", "kind"), unit="s"),
    ]
    lanes = [
        graph("Waiting", highest("heliograph_lane_waiting", "lane")),
        graph(
            "The next job has waited for",
            highest("heliograph_lane_oldest_wait_seconds", "lane"),
            unit="s",
        ),
        graph(
            "Running",
            highest("heliograph_lane_in_use", "lane"),
            highest("heliograph_lane_cap", "lane", legend="{{lane}}: cap"),
        ),
        graph("Paused", highest("heliograph_lane_paused", "lane")),
        graph("Render could work on", highest("heliograph_render_wanted", legend="jobs")),
    ]
    return dashboard("jobs", [("Flow", flow), ("Time", times), ("Lanes", lanes)])


def providers() -> Dashboard:
    """Do providers work, how fast, and what do they cost?"""
    money = [
        graph(
            "Charged in an hour", per_hour("heliograph_cost_usd_total", "model"), unit="currencyUSD"
        ),
        graph(
            "Submissions of unknown outcome in an hour",
            per_hour("heliograph_ambiguous_submits_total", "provider"),
        ),
    ]
    times = [
        graph("Half take", quantile(0.5, "heliograph_render_seconds", "model"), unit="s"),
        graph("95 % take at most", quantile(0.95, "heliograph_render_seconds", "model"), unit="s"),
        graph(
            "95 % of calls are answered within",
            quantile(0.95, "heliograph_provider_seconds", "provider", "step"),
            unit="s",
        ),
    ]
    health = [
        graph(
            "Calls",
            per_second("heliograph_provider_seconds_count", "provider", "step"),
            unit="ops",
        ),
        graph(
            "Errors", per_second("heliograph_provider_errors_total", "provider", "code"), unit="ops"
        ),
        graph(
            "Circuit breaker",
            highest("heliograph_account_breaker", "account"),
            description=_BREAKER_LEVELS,
        ),
        graph(
            "Permits in use",
            highest("heliograph_account_in_use", "account"),
            highest("heliograph_account_cap", "account", legend="{{account}}: cap"),
        ),
        graph(
            "References",
            per_second("heliograph_reference_copies_hits_total", "account", legend="found"),
            per_second("heliograph_reference_copies_misses_total", "account", legend="uploaded"),
            unit="ops",
        ),
        graph(
            "Upload cache",
            highest("heliograph_reference_copies", legend="entries"),
            highest("heliograph_reference_copies_max", legend="at most"),
        ),
    ]
    return dashboard("providers", [("Money", money), ("Time", times), ("Health", health)])


def system() -> Dashboard:
    """Is there room, and does everything keep up?"""
    room = [
        graph("Streams", highest("heliograph_stream_bytes_ratio", "stream"), unit="percentunit"),
        graph(
            "Reserved for open jobs",
            highest("heliograph_events_reserve_ratio", legend="EVENTS"),
            unit="percentunit",
        ),
        graph(
            "Subjects of the event log", highest("heliograph_events_subjects", legend="subjects")
        ),
        graph(
            "Free disk",
            each("heliograph_disk_free_bytes / heliograph_disk_size_bytes"),
            unit="percentunit",
        ),
        graph("Stored", per_second("heliograph_stored_bytes_total", "media"), unit="Bps"),
    ]
    keeping_up = [
        graph("The read model lacks", ("min(heliograph_projector_lag_events)", "events")),
        graph("Live clients", added("heliograph_live_connections", "protocol")),
        graph("Events", each("rate(heliograph_live_events_total[$__rate_interval])"), unit="ops"),
        graph(
            "Slow clients",
            per_second("heliograph_live_slow_clients_total", legend="closed"),
            unit="ops",
        ),
        graph(
            "Messages",
            per_second("heliograph_message_seconds_count", "consumer", "outcome"),
            unit="ops",
        ),
        graph(
            "95 % of messages are in hand for",
            quantile(0.95, "heliograph_message_seconds", "consumer"),
            unit="s",
        ),
    ]
    faults = [
        graph("Unreadable messages", added("heliograph_unreadable_messages_total", "stream")),
        graph(
            "Refusals not stored", added("heliograph_refusals_unstored_total", legend="refusals")
        ),
        graph("API keys that expire soon", highest("heliograph_keys_expiring", legend="keys")),
        graph(
            "Days until the certificate of NATS expires",
            each("(heliograph_nats_certificate_expiry_timestamp_seconds - time()) / 86400"),
        ),
        graph("Memory", each("process_resident_memory_bytes"), unit="bytes"),
        graph(
            "Processor",
            each("rate(process_cpu_seconds_total[$__rate_interval])"),
            unit="percentunit",
        ),
    ]
    return dashboard("system", [("Room", room), ("Keeping up", keeping_up), ("Faults", faults)])


DASHBOARDS = {"jobs": jobs, "providers": providers, "system": system}


def as_json(made: Dashboard) -> str:
    """A dashboard as Grafana imports it."""
    return JSONEncoder(sort_keys=True, indent=2).encode(made.build()) + "\n"


if __name__ == "__main__":
    for name, make in DASHBOARDS.items():
        (FOLDER / f"{name}.json").write_text(as_json(make()))
