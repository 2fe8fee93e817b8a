"""Sizes of the benchmarks: smoke test, quick run, and published run."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Sizes of all benchmarks."""

    name: str
    seconds: float  #: of each load
    paced_seconds: float  #: of each load at a fixed rate
    singles: int  #: jobs sent one by one
    stream: int  #: jobs sent as fast as they are taken
    makespan_caps: tuple[int, ...]
    makespan_seconds: float  #: what an ideal pool would need
    backlog: int  #: jobs of the big project
    guests: int  #: single jobs of the small one
    crowds: tuple[int, ...]  #: WebSocket clients
    deliveries: int  #: in all, of each burst
    replays: tuple[int, ...]  #: missed events
    herds: tuple[int, ...]  #: clients that come back at once
    large_mib: int  #: MiB of one large output
    finished: int  #: jobs that ended before
    queued: int  #: jobs that wait
    pasts: tuple[int, ...]  #: past jobs of the cost curve
    projects: tuple[int, ...]  #: of the cost curve
    curve_seconds: float  #: of each load of the cost curve


TINY = Profile(
    name="tiny",
    seconds=1,
    paced_seconds=1,
    singles=20,
    stream=60,
    makespan_caps=(8,),
    makespan_seconds=4,
    backlog=200,
    guests=5,
    crowds=(1, 20),
    deliveries=400,
    replays=(100,),
    herds=(20,),
    large_mib=16,
    finished=500,
    queued=500,
    pasts=(100, 1_000),
    projects=(1, 10),
    curve_seconds=1,
)
SHORT = Profile(
    name="short",
    seconds=4,
    paced_seconds=6,
    singles=100,
    stream=600,
    makespan_caps=(8, 64, 256),
    makespan_seconds=20,
    backlog=2_000,
    guests=20,
    crowds=(1, 500, 1_000),
    deliveries=100_000,
    replays=(1_000, 10_000),
    herds=(200, 1_000),
    large_mib=1024,
    finished=10_000,
    queued=10_000,
    pasts=(1_000, 10_000, 100_000),
    projects=(1, 10, 1_000),
    curve_seconds=2,
)
FULL = Profile(
    name="full",
    seconds=10,
    paced_seconds=30,
    singles=400,
    stream=3_000,
    makespan_caps=(8, 64, 256),
    makespan_seconds=30,
    backlog=10_000,
    guests=50,
    crowds=(1, 500, 1_000),
    deliveries=200_000,
    replays=(1_000, 10_000),
    herds=(200, 1_000),
    large_mib=1024,
    finished=100_000,
    queued=100_000,
    pasts=(1_000, 10_000, 100_000, 1_000_000),
    projects=(1, 10, 1_000),
    curve_seconds=4,
)
PROFILES = {profile.name: profile for profile in (TINY, SHORT, FULL)}
