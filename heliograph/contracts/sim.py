"""Records of the sim provider: acceptance and charge of each request."""

from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

LEDGER_FIELDS = ("request_id", "project", "job", "attempt", "model", "price", "at", "fault")


class SimRecord(BaseModel):
    """One accepted request. There is never a second one for the same job and run."""

    model_config = ConfigDict(frozen=True)

    request_id: str
    project: str
    job: str
    run: int
    attempt: int
    model: str
    prompt: str
    arguments: dict[str, Any]
    references: list[str]  #: digests
    price: str  #: USD
    at: datetime
    fault: str | None

    def ledger_line(self) -> dict[str, Any]:
        """The record as a line of the ledger."""
        return self.model_dump(mode="json", include=set(LEDGER_FIELDS))


def records_in(home: Path) -> Path:
    """The folder of the records, one `<request_id>.json` each, under a Heliograph home."""
    return home / "sim" / "requests"


def read_ledger(home: Path) -> list[SimRecord]:
    """Every accepted request, oldest first."""
    files = records_in(home).glob("*.json")
    records = [SimRecord.model_validate_json(file.read_bytes()) for file in files]
    return sorted(records, key=lambda record: (record.at, record.request_id))
