"""Request store of the sim provider: one file per accepted request, shared by all processes."""

from itertools import chain
from pathlib import Path

from heliograph.contracts.sim import SimRecord, records_in
from heliograph.runtime.old_files import remove_older
from heliograph.runtime.write_once import write_once


def request_id(job: str, run: int) -> str:
    """The id of the one request there can be for a job and run."""
    return f"sim_{job.removeprefix('job_')}_{run}"


class SimRequestStore:
    """Files under `<home>/sim`. Each is written whole, and never changed."""

    def __init__(self, home: Path) -> None:
        self._requests = records_in(home)
        self._marks = home / "sim" / "marks"
        self._requests.mkdir(parents=True, exist_ok=True)
        self._marks.mkdir(parents=True, exist_ok=True)

    def accept(self, record: SimRecord) -> None:
        """Write the record, unless there is one for the same job and run."""
        write_once(self._file(record.request_id), record.model_dump_json())

    def find(self, name: str) -> SimRecord | None:
        """The record of a request, None if no request has that name."""
        try:
            return SimRecord.model_validate_json(self._file(name).read_bytes())
        except FileNotFoundError:
            return None

    def cancel(self, name: str) -> None:
        """Stop a request."""
        (self._marks / f"{name}.canceled").touch()

    def is_canceled(self, name: str) -> bool:
        return (self._marks / f"{name}.canceled").exists()

    def count(self, what: str, times: int) -> bool:
        """True for the first `times` calls with a name, over all processes."""
        for number in range(times):
            try:
                (self._marks / f"{what}.{number}").touch(exist_ok=False)
            except FileExistsError:
                continue
            return True
        return False

    def remove_older(self, seconds: float) -> int:
        """Retention: remove what was written longer ago. Returns how many files that were."""
        return remove_older(chain(self._requests.iterdir(), self._marks.iterdir()), seconds)

    def _file(self, name: str) -> Path:
        return self._requests / f"{name}.json"
