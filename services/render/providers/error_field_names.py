"""Names of fields in which providers' errors have their texts, titles, codes and inner errors."""

from services.render.providers.error_fields import LISTED_PLACES

TEXTS = (
    "message",
    "msg",
    "detail",
    "error_description",
    "error_message",
    "errorMessage",
    "status_msg",
    "description",
)
TITLES = ("error", "title", "reason")  #: texts where there is no other, else codes
CODES = (
    "code",
    "error_code",
    "errorCode",
    "error_type",
    "type",
    "status",
    "error",
    "title",
    "reason",
)
WITHIN = (
    "error",
    "errors",
    "detail",
    "message",
    "inner_error",
    "innererror",
    "innerError",
    "details",
    "base_resp",
    "invalid_fields",
    "invalid-params",
    "invalid_params",
    "fieldViolations",
)

OF_NO_FIELD = ("non_field_errors", "__all__", "base", "_schema")  #: where others name a field

KNOWN_NAMES = frozenset((*TEXTS, *TITLES, *CODES, *WITHIN, *LISTED_PLACES))
