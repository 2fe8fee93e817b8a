"""Progress bars: one line per job on a terminal, one line per change anywhere else."""

from collections.abc import AsyncIterator

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from heliograph.cli.job_percentage import percent
from heliograph.client.live import FINAL
from heliograph.contracts.jobs import Job
from heliograph.live_stream import LiveEvent


async def show_progress(
    events: AsyncIterator[LiveEvent], names: dict[str, str], console: Console
) -> list[Job]:
    """Draw a bar for each job in `names` (id: name) until all have ended; returns them in order."""
    ended: dict[str, Job] = {}
    columns = (
        SpinnerColumn(finished_text=" "),
        TextColumn("{task.description:<14}"),
        BarColumn(bar_width=36),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[phase]}"),
    )
    with Progress(*columns, console=console) as bars:
        tasks = {job: bars.add_task(name, total=100, phase="") for job, name in names.items()}
        async for event in events:
            task = tasks.get(event.about)
            if task is None:
                continue
            _draw(bars, task, event, console)
            if event.job and event.job.status in FINAL:
                ended[event.about] = event.job
            if ended.keys() >= names.keys():
                break
    return [ended[job] for job in names]


def _draw(bars: Progress, task: TaskID, event: LiveEvent, console: Console) -> None:
    if event.report:
        done = percent(event.report.phase, event.report.progress.percent)
        bars.update(task, completed=done, phase=event.report.phase)
    elif event.job:
        over = event.job.status in FINAL
        phase = event.job.status if over else event.job.phase
        done = 100 if over else percent(event.job.phase)
        bars.update(task, completed=done, phase=phase)
    if not console.is_terminal and event.job:
        console.print(f"{bars.tasks[task].description}: {event.job.phase} {event.job.status}")
