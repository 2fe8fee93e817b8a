"""End users: a token that names an end user may submit jobs only in that user's name."""

from heliograph.contracts.authorization import Principal
from heliograph.contracts.errors import InsufficientScope, ValidationFailed
from heliograph.contracts.requests import JobRequest


def of_user(request: JobRequest, principal: Principal, pointer: str = "") -> JobRequest:
    """
    The request in the name of the principal's user, if it has one.

    Raises:
        ValidationFailed: The request names another user; `pointer` is its position in the body.
    """
    if principal.user is None:
        return request
    require_user(request.user, principal, f"{pointer}/user")
    return request.model_copy(update={"user": principal.user})


def require_user(user: object, principal: Principal, pointer: str) -> None:
    """Raises ValidationFailed: a request names another user than the principal's."""
    if principal.user is not None and user not in (None, principal.user):
        raise ValidationFailed.at(pointer, "the token is for another user")


def reject_users(principal: Principal) -> None:
    """Raises InsufficientScope: a token of an end user may not make requests that have no user."""
    if principal.user is not None:
        raise InsufficientScope("this is not for tokens that name a user")
