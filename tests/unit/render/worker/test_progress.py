"""How far a job is, is told now and then, and remembered for no longer than that."""

from datetime import UTC, datetime

from heliograph.contracts.progress import LogLine, Progress, ProgressReport
from services.render.providers.request_states import RequestQueued, RequestRunning
from services.render.worker.progress import ProgressPublisher
from tests.support.records import a_record

WORKING = RequestRunning(progress=Progress(percent=1))


class Listener:
    """Hears every report."""

    def __init__(self) -> None:
        self.reports: list[ProgressReport] = []
        self.size = 0

    @property
    def phases(self) -> list[str]:
        return [report.phase for report in self.reports]

    async def __call__(self, subject: str, body: bytes = b"") -> None:
        self.reports.append(ProgressReport.model_validate_json(body))
        self.size += len(body)


async def test_progress_is_published_again_only_after_a_change() -> None:
    listener, record = Listener(), a_record()
    reporter = ProgressPublisher(listener, every=60)

    for state in (RequestQueued(position=2), RequestQueued(position=1), WORKING, WORKING):
        await reporter.report(record, state)

    assert listener.phases == ["provider_queue", "rendering"]


async def test_progress_is_throttled_per_job() -> None:
    listener = Listener()
    reporter = ProgressPublisher(listener, every=60)

    for record in (a_record(), a_record()):
        await reporter.report(record, WORKING)

    assert listener.phases == ["rendering"] * 2


async def test_provider_logs_are_truncated_to_the_room_there_is() -> None:
    listener, at = Listener(), datetime(2030, 1, 1, tzinfo=UTC)
    lines = [LogLine(at=at, message=f"{n} \ud800 {'x' * 2**20}") for n in range(30)]

    await ProgressPublisher(listener, every=60).report(
        a_record(), RequestRunning(progress=Progress(logs=lines))
    )

    [report] = listener.reports
    assert [line.message[:4] for line in report.progress.logs] == [f"{n} ?" for n in range(10, 30)]
    assert listener.size < 50_000


async def test_of_jobs_that_went_elsewhere_nothing_is_kept() -> None:
    """Nobody says so when a worker lets go of one."""
    listener = Listener()
    reporter = ProgressPublisher(listener, every=0)

    for _ in range(20):
        await reporter.report(a_record(), WORKING)

    assert len(listener.phases) == 20
    assert len(reporter._reported) <= 1
