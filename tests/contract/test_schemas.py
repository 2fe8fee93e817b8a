"""What is published stays as it is: shapes, headers, the HTTP document, and the codes of errors."""

import json

import pytest

from heliograph.contracts.errors import HeliographError, every_error
from heliograph.contracts.state_machine.transitions import TRANSITIONS
from tests.support.golden import FOLDER, PUBLISHED, file_of

#: "Errors" of the public contract, typed anew: HTTP status, and the codes it comes with
CODES = {
    400: {"malformed_request", "idempotency_key_required", "idempotency_key_invalid"},
    401: {"unauthenticated"},
    402: {"over_budget", "over_max_cost"},
    403: {"forbidden", "insufficient_scope", "key_exceeds_parent", "output_withheld"},
    404: {"not_found"},
    405: {"method_not_allowed"},
    409: {"slot_busy", "state_conflict", "model_locked", "quote_expired", "too_many_projects"},
    410: {"output_gone"},
    413: {"body_too_large"},
    421: {"misdirected"},
    422: {
        *("validation_failed", "unknown_kind", "unknown_model", "price_unknown"),
        "idempotency_key_reused",
    },
    429: {"rate_limited", "too_many_jobs"},
    503: {"unavailable", "unreadable", "queue_full", "model_unavailable"},
}
#: what only a job's `error` says
OF_JOBS = {
    "provider_rejected",
    "content_policy",
    "provider_auth",
    "provider_balance",
    "provider_unavailable",
    "provider_timeout",
    "provider_protocol",
    "submit_unknown",
    "no_output",
    "output_refused",
    "output_too_large",
    "output_expired",
    "reference_failed",
    "storage_failed",
    "dependency_failed",
    "deadline",
    "poison",
    "restored",
    "blocked",
}
#: of features that are not there yet: an error joins the tree with its feature, and leaves this list
TO_COME: set[str] = set()
ALSO_OF_UPLOADS = {"output_refused": 422}
BRANCHES = {
    "internal",
    "request_error",
    "service_error",
    "job_error",
    "provider_error",
    "account_refused",
    "quota_exceeded",
}

LISTED = set().union(*CODES.values()) | OF_JOBS


def the_tree() -> list[type[HeliographError]]:
    """The errors of the contract; what services derive from them shares their codes."""
    return [error for error in every_error() if error.__module__ == HeliographError.__module__]


def error_of(code: str) -> type[HeliographError]:
    [error] = [error for error in the_tree() if error.code == code]
    return error


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_document_is_the_golden_one(name: str) -> None:
    golden = json.loads(file_of(name).read_text(encoding="utf-8"))

    made = json.loads(json.dumps(PUBLISHED[name]()))
    assert made == golden, f"{name} changed: if that is meant, `make golden` and name it in the log"


def test_no_golden_document_is_left_over() -> None:
    assert {file.stem for file in FOLDER.iterdir()} == set(PUBLISHED)


def test_every_event_has_a_versioned_type() -> None:
    types = PUBLISHED["event"]()["types"]

    assert len(types) == len(TRANSITIONS) + 2
    assert all(each.startswith("heliograph.job.") and each.endswith(".v1") for each in types)


def test_no_two_errors_share_a_code() -> None:
    codes = [error.code for error in the_tree()]

    assert len(codes) == len(set(codes))


def test_the_tree_has_every_code_of_the_contract_and_no_other() -> None:
    assert {error.code for error in the_tree()} == (LISTED - TO_COME) | BRANCHES


@pytest.mark.parametrize(
    ("status", "code"),
    [(status, code) for status, codes in CODES.items() for code in sorted(codes - TO_COME)],
)
def test_a_refused_request_has_the_status_of_its_code(status: int, code: str) -> None:
    assert error_of(code).status == status


@pytest.mark.parametrize("code", sorted(OF_JOBS))
def test_a_job_failure_is_not_an_http_error(code: str) -> None:
    assert error_of(code).status == ALSO_OF_UPLOADS.get(code)


@pytest.mark.parametrize("code", sorted((CODES[503] | {"blocked"}) - TO_COME))
def test_what_may_pass_can_be_tried_again(code: str) -> None:
    assert error_of(code).retryable


@pytest.mark.parametrize("error", the_tree(), ids=lambda error: error.code)
def test_the_title_of_an_error_is_one_sentence(error: type[HeliographError]) -> None:
    title = error.title()

    assert title[0].isupper()
    assert title.endswith(".")
    assert "\n" not in title
    assert ". " not in title


@pytest.mark.parametrize("error", the_tree(), ids=lambda error: error.code)
def test_an_error_travels_as_a_problem(error: type[HeliographError]) -> None:
    problem = error("this one, today").problem(instance="/v1/jobs", trace_id="t")

    assert problem.type == f"/problems/{error.code}"
    assert (problem.code, problem.status) == (error.code, error.status)
    assert (problem.title, problem.detail) == (error.title(), "this one, today")
    assert (problem.instance, problem.trace_id) == ("/v1/jobs", "t")


def test_an_error_without_a_detail_says_its_title() -> None:
    assert error_of("not_found")().problem().detail == "The resource does not exist."
