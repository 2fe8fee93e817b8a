"""
Findings of Schemathesis that are right all the same, by name, each with its reason.

Schemathesis loads this module, and asks it about every body that it makes and everything it finds.
"""

import os
import re
from typing import Any

import schemathesis
from pydantic import BaseModel, ValidationError
from schemathesis import Case, HookContext, Response
from schemathesis.core.failures import Failure
from schemathesis.core.parameters import ParameterLocation

from heliograph.contracts.actions import ActionRequest
from heliograph.contracts.batches import BatchRequest
from heliograph.contracts.budgets.state import SetBudget
from heliograph.contracts.cast import CastRequest
from heliograph.contracts.key_records import ChangeKey, CreateKey, RotateKey
from heliograph.contracts.limits import ChangeAccount, ChangeLane
from heliograph.contracts.projects import ChangeProject
from heliograph.contracts.quotes import QuoteRequest
from heliograph.contracts.requests import CancelRequest, JobRequest
from heliograph.contracts.retention import CleanupRequest
from heliograph.contracts.retry_requests import RetryRequest
from heliograph.contracts.sessions import SignIn
from heliograph.contracts.slots import RestoreRequest
from heliograph.contracts.tickets import TicketRequest
from heliograph.contracts.usage import UsageQuery
from services.gateway.jobs.filters import JobsQuery
from services.gateway.jobs.view_routes import EventsQuery
from services.gateway.slots.routes import SlotsQuery, VersionsQuery

#: codes of refusals that rest on what no schema knows
DATA = {
    "unknown_kind",  # kinds and models are the operator's: see /v1/kinds and /v1/models
    "unknown_model",
    "idempotency_key_reused",  # an earlier case used the key
}
_ITEM = r"(/changes)?(/jobs/\d+)?"
#: and pointers of others
POINTERS = (
    r"/query/(since|until|time_zone)",  # ends before it begins, or is no time zone
    r"/query/cursor",  # only a list itself gives cursors
    rf"{_ITEM}/(parameters|arguments)(/.*)?",  # each model has a schema of its own
    rf"{_ITEM}/references/\d+",  # of assets and uploads that are not there
    rf"{_ITEM}/references/\d+/url",  # printable characters are not a pattern of JSON Schema
    rf"{_ITEM}/after/\d+",  # of jobs that are not there
    rf"{_ITEM}/(max_references|model)",  # as the model or the slot has it
    rf"{_ITEM}/finish_by",  # has passed
    rf"{_ITEM}/quote",  # only a quote for the same request is one
    rf"{_ITEM}/(prompt|edit_prompt)|/prompts/[ab]",  # only white space, or none for a reference
    r"/aspect_ratio",  # of a cast, that its model does not have
    r"/jobs/\d+(/slot)?",  # two items for one slot, or none with `only_missing`
    r"/zone",  # of a time zone that is not there
    r"/defaults/(aspect_ratio|models/.*)",  # that no model has
)
#: bodies that break a rule between their fields, as the detail says
RULES = {
    "say what to change: cap or reset",
    "say what to change: cap, paused or reset",
    "give either ids or a filter",
    "a retry has no mode",
    "a cancel is for jobs that are queued or running",
    "a retry is for jobs that are failed or canceled or expired",
    "only a retry begins from a step",
    "names a job more than once",
    "a change is only looked at, with dry_run; PATCH the project to make it",
    "a retry from download fetches what there is",
    "a retry from poll fetches what there is",
}

#: a path that answers without a session, too: the key of the request does
WHO_ASKS = "/v1/session"
#: the variable that names the key of all requests
OWN_KEY = "HELIOGRAPH_TEST_API_KEY_ID"
#: a key that is not there
_NO_KEY = "zzzzzzzz"
#: a path that is also one of those with an id in the place of its last word, and has their methods
LIKE_AN_ID = {"/v1/keys/me"}

MODELS: dict[str, type[BaseModel]] = {
    model.__name__: model
    for model in (
        ActionRequest,
        BatchRequest,
        CancelRequest,
        CastRequest,
        ChangeAccount,
        ChangeLane,
        ChangeProject,
        CleanupRequest,
        ChangeKey,
        CreateKey,
        JobRequest,
        QuoteRequest,
        RestoreRequest,
        RetryRequest,
        RotateKey,
        SetBudget,
        SignIn,
        TicketRequest,
    )
}
QUERIES: dict[str, type[BaseModel]] = {
    "listJobs": JobsQuery,
    "listEvents": EventsQuery,
    "listSlots": SlotsQuery,
    "getSlot": VersionsQuery,
    "getUsage": UsageQuery,
}


@schemathesis.hook
def map_body(context: HookContext, body: Any) -> Any:
    """Name a kind and a model that are there: with others, a request gets no further."""
    if not isinstance(body, dict):
        return body
    known = {"kind": "image", "model": "sim/picture"}
    named = {**body, **{name: known[name] for name in known if isinstance(body.get(name), str)}}
    if isinstance(body.get("jobs"), list):
        named["jobs"] = [map_body(context, job) for job in body["jobs"]]
    return named


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    """The key of all requests is in the list of keys, and must neither be rotated nor revoked."""
    if case.path_parameters.get("key_id") == os.environ.get(OWN_KEY):
        case.path_parameters["key_id"] = _NO_KEY


@schemathesis.hook
def filter_failure(
    context: HookContext, failure: Failure, case: Case[Any], response: Response
) -> bool:
    """Whether a finding is one."""
    match failure.code:
        case "ST201":
            return not is_lenient(case)
        case "ST202":
            return not is_of_data(response.json())
        case "ST204" | "ST205":
            return case.operation.path not in LIKE_AN_ID
        case "ST301":
            return bool(case.operation.path != WHO_ASKS)
    return True


def is_of_data(problem: dict[str, Any]) -> bool:
    """A valid request was refused for what only the service knows, or for a rule between fields."""
    return problem["code"] in DATA or (
        problem["code"] == "validation_failed" and all(map(_is_accepted, problem["errors"]))
    )


def _is_accepted(error: dict[str, str]) -> bool:
    rule = error["detail"].removeprefix("Value error, ")
    pointer = error["pointer"]  # names may have line breaks
    return rule in RULES or any(re.fullmatch(each, pointer, re.DOTALL) for each in POINTERS)


def is_lenient(case: Case[Any]) -> bool:
    """
    A request that breaks the schema was accepted, as what it means is clear: 0 for false, or a
    number for a moment. The models say so, from which the schema is made.
    """
    assert case.meta is not None
    wrong = [place for place in case.meta.components if case.meta.is_negative_at(place)]
    return bool(wrong) and all(_takes(case, place) for place in wrong)


def _takes(case: Case[Any], place: ParameterLocation) -> bool:
    operation = case.operation.definition.raw
    match place:
        case ParameterLocation.BODY:
            name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
            return _is_valid(MODELS[name.rpartition("/")[2]], case.body)
        case ParameterLocation.QUERY:
            model = QUERIES.get(operation["operationId"])
            return model is not None and _is_valid(model, case.query)
    return False


def _is_valid(model: type[BaseModel], content: Any) -> bool:
    try:
        model.model_validate(content)
    except ValidationError:
        return False
    return True
