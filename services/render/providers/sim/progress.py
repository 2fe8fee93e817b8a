"""Progress of a request at the sim, by the clock. Pure."""

from datetime import timedelta

from heliograph.contracts.payloads.sim import SimArguments
from heliograph.contracts.progress import LogLine, Progress
from heliograph.contracts.sim import SimRecord


def progress_of(record: SimRecord, arguments: SimArguments, elapsed: float) -> Progress:
    """Progress of a request in whole steps; a request that hangs stays at its last but one."""
    part = min(1.0, elapsed / arguments.seconds) if arguments.seconds else 1.0
    done = min(int(part * arguments.steps), arguments.steps - 1)
    step = arguments.seconds / arguments.steps
    logs = [
        LogLine(
            at=record.at + timedelta(seconds=step * number),
            message=f"step {number} of {arguments.steps}",
        )
        for number in range(max(1, done - 4), done + 1)
    ]
    return Progress(
        percent=done * 100 // arguments.steps,
        basis="provider",
        eta_seconds=round(max(0.0, arguments.seconds - elapsed), 1),
        logs=logs,
    )
