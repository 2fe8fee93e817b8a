"""
Error tree: what can go wrong, and who can fix it:

* HeliographError                 internal
  + RequestError                  the caller: change the request
    - MalformedRequest · IdempotencyKeyRequired · IdempotencyKeyInvalid          400
    - Unauthenticated                                                            401
    - OverMaxCost · OverBudget                                                   402
    - Forbidden · InsufficientScope · KeyExceedsParent · OutputWithheld          403
    - NotFound                                                                   404
    - MethodNotAllowed                                                           405
    - SlotBusy · StateConflict · ModelLocked · TooManyProjects · QuoteExpired    409
    - OutputGone                                                                 410
    - BodyTooLarge                                                               413
    - Misdirected                                                                421
    - ValidationFailed · UnknownKind · UnknownModel · PriceUnknown               422
    - IdempotencyKeyReused                                                       422
  + ServiceError                  the caller: try again later
    - QuotaExceeded: TooManyJobs · TooManyRequests                               429
    - Unavailable · Unreadable · QueueFull · ModelUnavailable                    503
  + JobError                      how a job fails, or why it waits
    - ProviderError
      · ProviderRejected · ContentPolicy          the caller: change the prompt or the parameters
      · AccountRefused: ProviderAuth · ProviderBalance    the operator: key, plan or balance
      · ProviderUnavailable · ProviderTimeout     wait: transient
      · ProviderProtocol · NoOutput               the provider: it broke its protocol
      · SubmitOutcomeUnknown                      the caller: decide whether to submit again
    - OutputRefused · OutputTooLarge · OutputExpired
    - ReferenceFailed · StorageFailed · DependencyFailed · Deadline · Poison · Blocked
    - RestoredFromBackup                          the caller: decide whether to submit again

The docstring of a class is the title of its problem, for people; its `code` is for programs, and stays.
"""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from pydantic import ValidationError

from heliograph.contracts.json_pointers import pointer_to
from heliograph.contracts.problems import (
    MAX_ERRORS,
    Charged,
    FieldError,
    NextAction,
    Problem,
    ProviderNote,
    describe,
)
from heliograph.contracts.text_limits import cut


class HeliographError(Exception):
    """Something went wrong inside Heliograph."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int | None] = 500  #: HTTP status; None for errors that only fail jobs
    retryable: ClassVar[bool] = False  #: the same request, or a new attempt, may succeed later

    def __init__(
        self,
        detail: str | None = None,
        *,
        errors: Sequence[FieldError] = (),
        charged: Charged | None = None,
        retry_after: float | None = None,
        provider: ProviderNote | None = None,
        next_actions: Sequence[NextAction] = (),
    ) -> None:
        super().__init__(detail or self.title())
        self.errors = list(errors)
        self.charged = charged
        self.retry_after = retry_after
        self.provider = provider
        self.next_actions = list(next_actions)

    @classmethod
    def title(cls) -> str:
        """The first sentence of the docstring, on one line."""
        return " ".join((cls.__doc__ or "").split("\n\n")[0].split())

    def problem(self, *, instance: str | None = None, trace_id: str | None = None) -> Problem:
        """The error as it travels: no larger than a message may be."""
        detail, count = cut(str(self)), len(self.errors)
        if count > MAX_ERRORS:
            detail += f" (the first {MAX_ERRORS} of {count} mistakes)"
        return Problem(
            type=f"/problems/{self.code}",
            title=self.title(),
            status=self.status,
            detail=detail,
            instance=instance,
            code=self.code,
            retryable=self.retryable,
            charged=self.charged,
            retry_after=self.retry_after,
            errors=[each.cut() for each in self.errors[:MAX_ERRORS]],
            provider=self.provider,
            next_actions=self.next_actions,
            trace_id=trace_id,
        )


class RequestError(HeliographError):
    """The request is not valid, or is not allowed."""

    code = "request_error"
    status = 400


class MalformedRequest(RequestError):
    """The body is empty, or not JSON."""

    code = "malformed_request"


class IdempotencyKeyRequired(RequestError):
    """A request that may cost money needs an Idempotency-Key header."""

    code = "idempotency_key_required"


class IdempotencyKeyInvalid(RequestError):
    """An Idempotency-Key has 1 to 255 characters between 0x21 and 0x7E."""

    code = "idempotency_key_invalid"


class Unauthenticated(RequestError):
    """The request needs a valid key: `Authorization: Bearer <key>`."""

    code = "unauthenticated"
    status = 401


class OverMaxCost(RequestError):
    """The price is higher than the request allows."""

    code = "over_max_cost"
    status = 402


class OverBudget(RequestError):
    """The request costs more than is left of the project's budget."""

    code = "over_budget"
    status = 402


class Forbidden(RequestError):
    """The request comes from a page whose origin is not allowed."""

    code = "forbidden"
    status = 403


class InsufficientScope(RequestError):
    """The key does not have the scope that this request needs."""

    code = "insufficient_scope"
    status = 403


class KeyExceedsParent(RequestError):
    """A key cannot create a key with more scopes or projects than it has."""

    code = "key_exceeds_parent"
    status = 403


class OutputWithheld(RequestError):
    """The provider flagged this output; it is shown only with `withheld=true`."""

    code = "output_withheld"
    status = 403


class NotFound(RequestError):
    """The resource does not exist."""

    code = "not_found"
    status = 404


class MethodNotAllowed(RequestError):
    """The resource does not support this method."""

    code = "method_not_allowed"
    status = 405


class SlotBusy(RequestError):
    """Another job is filling this slot."""

    code = "slot_busy"
    status = 409

    def __init__(
        self, detail: str | None = None, *, job: str | None = None, **mistakes: Any
    ) -> None:
        super().__init__(detail, **mistakes)
        self.job = job  #: which one


class StateConflict(RequestError):
    """The state of the resource does not allow this request."""

    code = "state_conflict"
    status = 409


class ModelLocked(RequestError):
    """The project is locked to another model for this kind."""

    code = "model_locked"
    status = 409


class TooManyProjects(RequestError):
    """The limit of projects with their own settings is reached; reset another project's settings first."""

    code = "too_many_projects"
    status = 409


class QuoteExpired(RequestError):
    """The quote has expired; ask for a new one."""

    code = "quote_expired"
    status = 409


class OutputGone(RequestError):
    """The output was deleted by the project's retention rules."""

    code = "output_gone"
    status = 410


class BodyTooLarge(RequestError):
    """The body is larger than this resource accepts."""

    code = "body_too_large"
    status = 413


class Misdirected(RequestError):
    """The host name is not allowed; HELIOGRAPH_ALLOWED_HOSTS lists the allowed names."""

    code = "misdirected"
    status = 421


class ValidationFailed(RequestError):
    """Some fields of the request are not valid."""

    code = "validation_failed"
    status = 422

    @classmethod
    def at(cls, pointer: str, detail: str) -> "ValidationFailed":
        """The error for one invalid field."""
        errors = [FieldError(pointer=pointer, detail=detail)]
        return cls(describe(errors), errors=errors)


class UnknownKind(ValidationFailed):
    """The kind of job does not exist."""

    code = "unknown_kind"


class UnknownModel(ValidationFailed):
    """The model does not exist."""

    code = "unknown_model"


class PriceUnknown(ValidationFailed):
    """The price of the model is not known; set a limit for the job in `max_cost`."""

    code = "price_unknown"


class IdempotencyKeyReused(RequestError):
    """The Idempotency-Key was already used with another request body."""

    code = "idempotency_key_reused"
    status = 422


class ServiceError(HeliographError):
    """The service cannot carry out the request now; try again later."""

    code = "service_error"
    status = 503
    retryable = True


class Unavailable(ServiceError):
    """A service that this request needs does not respond."""

    code = "unavailable"


class Unreadable(ServiceError):
    """This release cannot read the stored data; the operator must check it."""

    code = "unreadable"

    @classmethod
    def because(cls, error: Exception) -> "Unreadable":
        """The error for a failed validation, without the values that were read."""
        if not isinstance(error, ValidationError):
            return cls(f"it cannot be read: {type(error).__name__}")
        mistakes = error.errors(include_url=False, include_context=False, include_input=False)
        return cls("; ".join(f"{pointer_to(each['loc'])}: {each['msg']}" for each in mistakes[:3]))


class QuotaExceeded(ServiceError):
    """A quota is exceeded; try again later."""

    code = "quota_exceeded"
    status = 429

    def __init__(
        self,
        detail: str | None = None,
        *,
        policy: str = "jobs",
        limit: int = 0,
        window: int | None = None,
        **mistakes: Any,
    ) -> None:
        super().__init__(detail, **mistakes)
        self.policy = policy  #: name of the limit
        self.limit = limit  #: jobs, or requests
        self.window = window  #: seconds in which so many are allowed; null: at once


class TooManyJobs(QuotaExceeded):
    """Too many jobs are queued or open; try again when some have ended."""

    code = "too_many_jobs"


class TooManyRequests(QuotaExceeded):
    """The rate limit is exceeded; try again in the next window."""

    code = "rate_limited"


class QueueFull(ServiceError):
    """The service is at its capacity; try again later."""

    code = "queue_full"


class ModelUnavailable(ServiceError):
    """No provider account for this model is configured."""

    code = "model_unavailable"


class JobError(HeliographError):
    """The job failed."""

    code = "job_error"
    status: ClassVar[int | None] = None

    excerpt: str | None = None  #: the provider's, for the audit; no part of the problem


class ProviderError(JobError):
    """The provider failed to produce the output."""

    code = "provider_error"


class ProviderRejected(ProviderError):
    """The provider refused the request; change it before trying again."""

    code = "provider_rejected"


class ContentPolicy(ProviderError):
    """The provider's content policy does not allow the request; change the prompt."""

    code = "content_policy"


class AccountRefused(ProviderError):
    """The provider refuses all requests of our account; the operator must check the account."""

    code = "account_refused"


class ProviderAuth(AccountRefused):
    """The provider refused our credentials; the operator must check the account."""

    code = "provider_auth"


class ProviderBalance(AccountRefused):
    """The provider account has no balance left; the operator must top it up."""

    code = "provider_balance"


class ProviderUnavailable(ProviderError):
    """The provider is down or overloaded; a new attempt may succeed."""

    code = "provider_unavailable"
    retryable = True


class ProviderTimeout(ProviderError):
    """The provider did not finish in time."""

    code = "provider_timeout"
    retryable = True


class ProviderProtocol(ProviderError):
    """The provider's response violates its API."""

    code = "provider_protocol"


class NoOutput(ProviderError):
    """The provider returned no output."""

    code = "no_output"


class SubmitOutcomeUnknown(ProviderError):
    """It is unknown whether the provider accepted the request; it is not submitted again without a decision."""

    code = "submit_unknown"


class OutputRefused(JobError):
    """The type of the output is not supported."""

    code = "output_refused"
    status = 422  # an upload is refused with it, too


class OutputTooLarge(JobError):
    """The output is larger than the limit."""

    code = "output_too_large"


class OutputExpired(JobError):
    """The provider no longer has the output."""

    code = "output_expired"


class ReferenceFailed(JobError):
    """A reference could not be resolved."""

    code = "reference_failed"


class StorageFailed(JobError):
    """The output could not be stored; it can be downloaded again at no cost."""

    code = "storage_failed"
    retryable = True


class DependencyFailed(JobError):
    """A job that this job depends on did not succeed."""

    code = "dependency_failed"


class Deadline(JobError):
    """The job did not end before its deadline."""

    code = "deadline"


class Poison(JobError):
    """The job failed repeatedly with an internal error; the operator should read the log."""

    code = "poison"


class RestoredFromBackup(JobError):
    """The deployment was restored from a backup; the job may have been submitted after the backup was made."""

    code = "restored"


class Blocked(JobError):
    """The job waits for an external condition."""

    code = "blocked"
    retryable = True


def every_error(of: type[HeliographError] = HeliographError) -> Iterator[type[HeliographError]]:
    """The whole tree, each error once, parents first."""
    yield of
    for child in of.__subclasses__():
        yield from every_error(child)
