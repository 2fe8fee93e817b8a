"""What was written by a later release is read, kept and written back by this one."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from heliograph.contracts.assets import Asset
from heliograph.contracts.attempts import SentReference
from heliograph.contracts.cloudevents import event_type, read_body
from heliograph.contracts.errors import Unreadable, ValidationFailed
from heliograph.contracts.id_generation import asset_id
from heliograph.contracts.job_events import Canceled, RetryScheduled, Started, Submitted, Submitting
from heliograph.contracts.object_keys import objects_of
from heliograph.contracts.problems import Problem
from heliograph.contracts.projects import ChangeDefaults, Defaults, changed
from heliograph.contracts.queue_entries import Ticket
from heliograph.contracts.records import Record
from heliograph.contracts.requests import JobRequest
from heliograph.contracts.retention import ChangeRetention, Retention
from heliograph.contracts.state_machine import apply
from heliograph.contracts.subjects import event
from heliograph.runtime.http.bodies import validate_body
from services.gateway.jobs.retry import merge_changes
from tests.support.records import a_record

NOW = datetime(2026, 5, 4, tzinfo=UTC)


def a_full_record() -> Record:
    """With something in all its parts."""
    reference = {"url": "https://example.org/keeper.png"}
    record = a_record(references=[reference], kind="portrait", tags={"show": "s1"})
    sent = SentReference(url=reference["url"], digest="sha256:" + "0" * 64)
    record = apply(record, Started(run=3), NOW)
    submitting = Submitting(run=3, endpoint="e", prompt="p", arguments={}, references=[sent])
    record = apply(record, submitting, NOW)
    return apply(record, Submitted(run=3, request_id="r"), NOW)


def with_news(value: Any) -> Any:
    """The same JSON with another field in every object."""
    match value:
        case dict():
            return {name: with_news(member) for name, member in value.items()} | {"later": "new"}
        case list():
            return [with_news(member) for member in value]
    return value


def test_a_record_keeps_what_it_does_not_know_in_all_its_parts() -> None:
    newer = with_news(a_full_record().model_dump(mode="json"))

    record = Record.model_validate_json(json.dumps(newer))

    assert json.loads(record.model_dump_json()) == newer


def test_what_happens_to_a_job_leaves_unknown_fields_as_they_are() -> None:
    newer = with_news(a_full_record().model_dump(mode="json"))

    record = Record.model_validate_json(json.dumps(newer))
    record = apply(record, RetryScheduled(not_before=NOW, reason="x", detail="d"), NOW)
    record = apply(record, Canceled(), NOW)

    written = json.loads(record.model_dump_json())
    assert (written["later"], written["internal"]["later"]) == ("new", "new")
    assert written["internal"]["attempts"][0]["later"] == "new"
    assert written["internal"]["attempts"][0]["references"][0]["later"] == "new"
    assert written["references"][0]["later"] == "new"


def test_a_problem_of_a_later_release_is_kept_whole() -> None:
    problem = {"type": "/problems/x", "title": "t", "detail": "d", "code": "x", "weather": "fog"}

    assert Problem.model_validate(problem).model_dump()["weather"] == "fog"


def test_a_ticket_keeps_what_it_does_not_know() -> None:
    fields = {"job": "j", "project": "p", "lane": "l", "priority": "high", "account": "a"}
    newer = fields | {"later": {"deep": [1.5, None]}}

    ticket = Ticket.from_json(json.dumps(newer).encode())

    assert json.loads(ticket.to_json()) == newer | {"not_before": None, "after": []}


def test_settings_of_a_project_keep_what_they_do_not_know() -> None:
    defaults = changed(Defaults.model_validate({"mood": "calm"}), ChangeDefaults(style="ink"))
    before = Retention.model_validate({"weeks": 3, "kinds": {"shot": {"versions": 2, "weeks": 1}}})
    retention = before.after(ChangeRetention(days=4))

    assert defaults.model_dump(exclude_defaults=True) == {"mood": "calm", "style": "ink"}
    assert retention.model_dump(exclude_defaults=True) == {
        "weeks": 3,
        "days": 4.0,
        "kinds": {"shot": {"versions": 2, "weeks": 1}},
    }
    assert retention.of("shot").versions == 2


def test_a_retry_asks_for_what_this_release_knows() -> None:
    newer = with_news(a_full_record().model_dump(mode="json"))
    record = Record.model_validate_json(json.dumps(newer))

    request = merge_changes(record, "submit", {})

    assert request.model_dump()["references"] == [{"url": "https://example.org/keeper.png"}]


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "image", "prompt": "p", "later": 1},
        {"kind": "image", "prompt": "p", "references": [{"url": "https://a.example", "later": 1}]},
        {"kind": "image", "prompt": "p", "on_ambiguous": {"action": "ask", "later": 1}},
    ],
)
def test_a_request_with_an_unknown_field_is_refused_as_before(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationFailed, match="later"):
        validate_body(json.dumps(body).encode(), JobRequest)


def test_a_time_without_a_zone_is_invalid() -> None:
    record = a_record()
    fields = record.model_dump(mode="json") | {"finish_by": "2026-05-04T00:00:00"}
    subject, headers = event(record.project, record.id), {"ce-type": event_type("accepted")}

    with pytest.raises(Unreadable, match="timezone"):
        read_body(subject, headers, json.dumps(fields).encode())


def test_money_of_a_record_stays_exact() -> None:
    newer = with_news(a_record().model_dump(mode="json"))
    newer["cost"]["estimated"] = "0.10"

    record = Record.model_validate_json(json.dumps(newer))

    assert record.cost.estimated == Decimal("0.10")


def test_an_asset_of_a_type_of_a_later_release_has_a_key_and_a_name() -> None:
    record = a_record()
    asset = Asset(
        id=asset_id(record.id, 0),
        index=0,
        media_type="image/avif",
        bytes=1,
        sha256="0" * 64,
    )

    [(_, stored)] = objects_of(record, asset)

    assert stored.key.endswith(f"0-{asset.sha256}.avif")
    assert stored.filename.endswith("_0.avif")
