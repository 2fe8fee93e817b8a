"""How full the streams are is shown from the first moment on."""

from services.gateway.limits.metrics import show_log


def test_an_event_log_without_events_is_shown() -> None:
    show_log({"state": {"bytes": 0}, "config": {"name": "EVENTS", "max_bytes": 100}}, 0)
