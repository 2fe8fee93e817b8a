"""Outputs of a successful fal response."""

import httpx

from heliograph.contracts.errors import ProviderProtocol
from heliograph.contracts.problems import ProviderNote
from services.render.providers import Request
from services.render.providers.error_report import error_within
from services.render.providers.fal.result_failures import BILLED, billed_units, was_billed
from services.render.providers.output_entries import Search
from services.render.providers.request_states import RequestStopped, RequestSucceeded
from services.render.providers.response_content import json_or_none, response_excerpt
from services.render.providers.response_outcome import outcome_of
from services.render.providers.response_outputs import find_outputs


def outcome(
    response: httpx.Response, request: Request, base_url: str
) -> RequestSucceeded | RequestStopped:
    """Outcome of a request. `base_url` resolves relative URLs."""
    note = ProviderNote(name="fal", request_id=request.request_id)
    body = json_or_none(response)
    if not isinstance(body, dict | list):
        error = ProviderProtocol("fal answered with no JSON object or list", provider=note)
        return RequestStopped(
            error=error, charged=was_billed(response), excerpt=response_excerpt(response)
        )
    search = Search(
        media=request.media, location=request.location, base_url=base_url, sent=request.sent
    )
    return outcome_of(
        find_outputs(body, search),
        job=request.job,
        note=note,
        charged=was_billed(response),
        units=billed_units(response),
        excerpt=response_excerpt(response),
        report=error_within(body),
        charged_for_error=was_billed(response) if BILLED in response.headers else "unknown",
    )
