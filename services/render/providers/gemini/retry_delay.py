"""Retry delay in the details of a Gemini error."""

import httpx

from services.render.providers.rate_limit import clamp_delay, retry_after
from services.render.providers.response_content import json_or_none


def retry_delay(response: httpx.Response, text: str) -> float:
    """Seconds, from the detail that Gemini adds to a rate limit error: `{"retryDelay": "17s"}`."""
    body = json_or_none(response)
    error = body.get("error") if isinstance(body, dict) else None
    notes = error.get("details") if isinstance(error, dict) else None
    for each in notes if isinstance(notes, list) else []:
        delay = each.get("retryDelay") if isinstance(each, dict) else None
        try:
            return clamp_delay(float(str(delay).removesuffix("s")))
        except ValueError:
            continue
    return retry_after(response, text)
