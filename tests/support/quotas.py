"""Admission by quotas, where nobody has any, or where nobody can say so."""

from typing import Any, cast

from heliograph.contracts.errors import Unavailable
from heliograph.contracts.quotas import ProjectQuotas
from services.gateway.limits.quota_admission import QuotaAdmission

_UNUSED = cast(Any, None)  #: what is asked only where there are quotas


def no_quotas() -> QuotaAdmission:
    """Everything is admitted, and nobody is asked."""

    async def none(project: str) -> ProjectQuotas:
        return ProjectQuotas()

    return QuotaAdmission(_UNUSED, _UNUSED, none, lambda key: None)


def unknown_quotas() -> QuotaAdmission:
    """The bucket of projects does not answer."""

    async def unavailable(project: str) -> ProjectQuotas:
        raise Unavailable("the quotas of projects are not known")

    return QuotaAdmission(_UNUSED, _UNUSED, unavailable, lambda key: None)
