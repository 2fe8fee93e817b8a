"""The log says which keys expire soon, once per notice."""

from datetime import UTC, datetime, timedelta

from structlog.testing import capture_logs

from heliograph.contracts.access_keys import new_key
from heliograph.contracts.authorization import ANYBODY
from heliograph.contracts.key_records import CreateKey, KeyRecord, issue
from heliograph.runtime.access.key_expiry import warn_of_expiry

MADE = datetime(2030, 1, 2, tzinfo=UTC)
DAY = timedelta(days=1)


def key(days: int) -> KeyRecord:
    request = CreateKey(name="shop backend", scopes=["jobs:read"], expires_in_days=days)
    return issue(request, new_key(), ANYBODY, MADE)


def test_each_notice_is_given_once() -> None:
    records = {"abcd1234": key(365), "efgh5678": key(3650)}
    end = MADE + 365 * DAY
    given: dict[str, timedelta] = {}

    with capture_logs() as logs:
        for rest in (20, 14, 13, 4, 3, 2, 1, 0.5):
            given = warn_of_expiry(records, given, end - rest * DAY)

    assert [(each["key_id"], each["expires_at"]) for each in logs] == 3 * [
        ("abcd1234", end.isoformat())
    ]
    assert given == {"abcd1234": DAY}
