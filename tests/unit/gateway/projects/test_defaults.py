"""What a request leaves out is the project's, then the kind's; what it says is its own."""

from datetime import UTC, datetime
from typing import Any

import pytest

from heliograph.contracts.errors import ModelLocked
from heliograph.contracts.id_generation import new_job_id
from heliograph.contracts.projects import Defaults
from heliograph.contracts.records import Record
from heliograph.contracts.requests import JobRequest
from services.gateway.idempotency import RequestIdentity, matches_digest
from services.gateway.jobs.first_record import build_record
from tests.support.records import CATALOG

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def ask(**fields: Any) -> JobRequest:
    return JobRequest.model_validate({"kind": "shot", "prompt": "a keeper", **fields})


def drafted(defaults: Defaults, **fields: Any) -> Record:
    caller = RequestIdentity(project="demo", job=new_job_id(), key="k")
    return build_record(ask(**fields), caller, CATALOG, NOW, defaults=defaults)


def test_the_project_comes_before_the_kind_and_after_the_request() -> None:
    defaults = Defaults(models={"shot": "fal/flux-dev"}, aspect_ratio="4:3")

    filled = drafted(defaults)
    own = drafted(defaults, model="sim/picture", parameters={"aspect_ratio": "1:1"})

    assert (filled.model, filled.parameters) == ("fal/flux-dev", {"aspect_ratio": "4:3"})
    assert (own.model, own.parameters) == ("sim/picture", {"aspect_ratio": "1:1"})


def test_a_shape_that_the_model_does_not_make_is_the_kinds() -> None:
    defaults = Defaults(models={"shot": "fal/flux-schnell"}, aspect_ratio="5:4")

    assert drafted(defaults).parameters == {"aspect_ratio": "16:9"}


def test_a_lock_is_for_what_its_model_makes() -> None:
    defaults = Defaults(locked_model="sim/picture")

    assert drafted(defaults, kind="video").model == "sim/motion"
    with pytest.raises(ModelLocked):
        drafted(defaults, model="fal/flux-dev")


def test_a_locked_model_missing_from_the_catalog_is_ignored() -> None:
    assert drafted(Defaults(locked_model="sim/gone"), model="fal/flux-dev").model == "fal/flux-dev"


@pytest.mark.parametrize(
    "defaults",
    [
        Defaults(aspect_ratio="1:1"),
        Defaults(style="oil"),
        Defaults(models={"shot": "fal/flux-dev"}),
        Defaults(locked_model="fal/flux-dev"),
    ],
    ids=str,
)
def test_a_key_stands_for_the_request_and_not_for_the_defaults(defaults: Defaults) -> None:
    record = drafted(defaults)

    assert matches_digest(ask(), record.internal.body_digest, record.model)
    assert not matches_digest(ask(prompt="a boat"), record.internal.body_digest, record.model)


@pytest.mark.parametrize("defaults", [Defaults(aspect_ratio="1:1"), Defaults(style="oil")], ids=str)
def test_what_is_filled_in_is_part_of_what_makes_the_result(defaults: Defaults) -> None:
    assert drafted(defaults).internal.input_digest != drafted(Defaults()).internal.input_digest


def test_a_default_aspect_ratio_equals_a_requested_one() -> None:
    filled = drafted(Defaults(aspect_ratio="1:1"))
    explicit = drafted(Defaults(), parameters={"aspect_ratio": "1:1"})

    assert filled.internal.input_digest == explicit.internal.input_digest
