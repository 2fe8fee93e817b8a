"""
Prometheus metrics of lanes and streams, from what the gateway reads every second for its limits.

Every gateway shows the same: take the maximum over processes, never the sum.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from prometheus_client import Gauge

from heliograph.contracts.queries.scheduler import LaneState

_WAITING = Gauge("heliograph_lane_waiting", "Jobs queued in the lane", ["lane"])
_OLDEST = Gauge(
    "heliograph_lane_oldest_wait_seconds", "Seconds that the oldest queued job has waited", ["lane"]
)
_IN_USE = Gauge("heliograph_lane_in_use", "Jobs of the lane that workers have", ["lane"])
_CAP = Gauge("heliograph_lane_cap", "Concurrency limit of the lane", ["lane"])
_PAUSED = Gauge("heliograph_lane_paused", "1 while the lane is paused", ["lane"])
_WANTED = Gauge(
    "heliograph_render_wanted", "Jobs that render could run now: at most the cap of each lane"
)
_OF_LANES = (_WAITING, _OLDEST, _IN_USE, _CAP, _PAUSED)

_BYTES_RATIO = Gauge(
    "heliograph_stream_bytes_ratio", "Used fraction of the stream's byte limit", ["stream"]
)
_SUBJECTS = Gauge("heliograph_events_subjects", "Subjects in the event log: one per job")
_RESERVE = Gauge(
    "heliograph_events_reserve_ratio", "Fraction of the event log reserved for open jobs to end"
)


def show_lanes(lanes: Sequence[LaneState]) -> None:
    """Export the lane states that the dispatcher reports."""
    for lane in lanes:
        _WAITING.labels(lane.name).set(lane.waiting)
        _OLDEST.labels(lane.name).set(lane.oldest_wait_seconds or 0)
        _IN_USE.labels(lane.name).set(lane.in_use)
        _CAP.labels(lane.name).set(lane.cap)
        _PAUSED.labels(lane.name).set(lane.paused)
    _WANTED.set(render_wanted(lanes))


def hide_lanes() -> None:
    """
    Hide the lanes while the dispatcher does not reply: old figures would look like an idle lane. The number
    of wanted render processes stays, so that a scaler does not remove processes.
    """
    for gauge in _OF_LANES:
        gauge.clear()


def render_wanted(lanes: Sequence[LaneState]) -> int:
    """Jobs that could run now. More processes than that have nothing to do. Pure."""
    return sum(
        lane.in_use if lane.paused else min(lane.in_use + lane.waiting, max(lane.cap, lane.in_use))
        for lane in lanes
    )


def show_log(info: Mapping[str, Any], reserve: int) -> None:
    """Show how full the event log is, by its `STREAM.INFO`, and the bytes that open jobs still need."""
    state, bound = info["state"], info["config"]["max_bytes"]
    show_stream(info["config"]["name"], state["bytes"] / bound)
    _SUBJECTS.set(state.get("num_subjects", 0))  # an empty stream has none
    _RESERVE.set(reserve / bound)


def show_stream(stream: str, ratio: float) -> None:
    """Show how full another stream is."""
    _BYTES_RATIO.labels(stream).set(ratio)
