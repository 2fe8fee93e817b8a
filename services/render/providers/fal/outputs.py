"""The outputs in a good answer of fal's."""

import httpx

from heliograph.contracts.problems import ProviderNote
from services.render.providers import Done, Ended, Request
from services.render.providers.answer_outcome import outcome_of
from services.render.providers.answer_outputs import Search, slots_in
from services.render.providers.fal.verdicts import billed
from services.render.providers.wire import excerpt, parsed


def outcome(answer: httpx.Response, request: Request, base_url: str) -> Done | Ended:
    """What became of a request. `base_url` is what relative addresses are relative to."""
    search = Search(media=request.media, place=request.place, base_url=base_url, sent=request.sent)
    return outcome_of(
        slots_in(parsed(answer), search),
        job=request.job,
        note=ProviderNote(name="fal", request_id=request.request_id),
        charged=billed(answer),
        answer=excerpt(answer),
    )
