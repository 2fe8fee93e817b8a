"""Records of the sim provider have a retention."""

import os
import time
from pathlib import Path

from heliograph.contracts.sim import SimRecord
from heliograph.runtime.clock import now
from services.render.providers.sim.request_store import SimRequestStore

_DAY = 86_400.0  #: seconds


def a_sim_record(name: str) -> SimRecord:
    return SimRecord(
        request_id=name,
        project="p",
        job="job_x",
        run=1,
        attempt=1,
        model="sim/picture",
        prompt="a lighthouse",
        arguments={},
        references=[],
        price="0",
        at=now(),
        fault=None,
    )


def test_old_records_and_marks_go_and_new_ones_stay(tmp_path: Path) -> None:
    records = SimRequestStore(tmp_path)
    for name in ("old", "new"):
        records.accept(a_sim_record(name))
        records.cancel(name)
    month = time.time() - 31 * _DAY
    for file in (tmp_path / "sim").rglob("old*"):
        os.utime(file, (month, month))

    assert records.remove_older(30 * _DAY) == 2

    assert records.find("old") is None
    assert not records.is_canceled("old")
    assert records.find("new")
    assert records.is_canceled("new")
