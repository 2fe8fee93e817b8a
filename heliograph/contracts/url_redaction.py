"""
Redaction of presigned URLs: a URL gives access to its object, so texts for people have no
signatures in them. Presigned URLs of other stores are recognized, too.
"""

import re
from typing import Any

_QUERY = re.compile(r"(https?:(?:\\?/){2}[^\s\"'<>?]*)\?([^\s\"'<>]*)", re.IGNORECASE)

#: names of parameters that carry credentials: S3, Google, Azure, CloudFront, and what others call it
_SIGNED = re.compile(
    r"(?:^|[&;]|\\u0026)"
    r"(?:x-(?:amz|goog|oss|cos)-[\w-]*|[\w.-]*(?:signature|token|secret|credential|hmac)"
    r"|sig|sign|policy|key-pair-id|awsaccesskeyid|googleaccessid|(?:api|auth|access)?[_-]?key|auth)=",
    re.IGNORECASE,
)


def redact_presigned_urls(value: Any) -> Any:
    """The JSON with the signatures of presigned URLs removed."""
    match value:
        case str():
            return _QUERY.sub(_without_signature, value)
        case list():
            return [redact_presigned_urls(each) for each in value]
        case dict():
            return {name: redact_presigned_urls(each) for name, each in value.items()}
    return value


def _without_signature(address: re.Match[str]) -> str:
    return f"{address[1]}?…" if _SIGNED.search(address[2]) else address[0]
