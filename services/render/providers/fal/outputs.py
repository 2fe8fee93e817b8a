"""The outputs in a good answer of fal's."""

from collections.abc import Mapping

import httpx

from heliograph.contracts.errors import ProviderProtocol
from heliograph.contracts.problems import ProviderNote
from services.render.providers import Done, Ended, Request
from services.render.providers.answer_outcome import outcome_of
from services.render.providers.answer_outputs import Search, slots_in
from services.render.providers.error_report import error_within
from services.render.providers.fal.errors import BILLED, billed
from services.render.providers.http import excerpt, parsed


def outcome(answer: httpx.Response, request: Request, base_url: str) -> Done | Ended:
    """What became of a request. `base_url` is what relative addresses are relative to."""
    note = ProviderNote(name="fal", request_id=request.request_id)
    body = parsed(answer)
    if not isinstance(body, Mapping):
        error = ProviderProtocol("fal answered with no JSON object", provider=note)
        return Ended(error=error, charged=billed(answer), answer=excerpt(answer))
    search = Search(media=request.media, place=request.place, base_url=base_url, sent=request.sent)
    return outcome_of(
        slots_in(body, search),
        job=request.job,
        note=note,
        charged=billed(answer),
        answer=excerpt(answer),
        said=error_within(body),
        charged_for_error=billed(answer) if BILLED in answer.headers else "unknown",
    )
