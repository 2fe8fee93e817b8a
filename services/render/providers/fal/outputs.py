"""Where the media are in a model's answer."""

from typing import Any

import httpx

from heliograph.contracts.errors import NoOutput, ProviderProtocol
from heliograph.contracts.problems import ProviderNote
from heliograph.contracts.records import Output
from services.render.providers import Done, Ended
from services.render.providers.fal.verdicts import billed
from services.render.providers.wire import excerpt, is_address, parsed

_USUAL = ("images", "image", "video", "videos")  #: where models put them that nobody described


def outcome(answer: httpx.Response, path: str | None, request_id: str) -> Done | Ended:
    """
    A good answer as outputs.

    Args:
        path: The field with the outputs: one file, or a list of them. None: where they usually are.
    """
    body = parsed(answer)
    found = _at(body, path)
    note = ProviderNote(name="fal", request_id=request_id)
    charged, text = billed(answer), excerpt(answer)
    if found == []:
        return Ended(error=NoOutput(provider=note), charged=charged, answer=text)
    files = found if isinstance(found, list) else [found]
    urls = [file.get("url") if isinstance(file, dict) else None for file in files]
    if not all(is_address(url) for url in urls):
        broken = ProviderProtocol(f"no files in {path or 'the answer'}", provider=note)
        return Ended(error=broken, charged=charged, answer=text)
    return Done(outputs=[Output(url=url) for url in urls], charged=charged, answer=text)


def _at(body: Any, path: str | None) -> Any:
    if not isinstance(body, dict):
        return None
    if path is not None:
        return body.get(path)
    return next((body[name] for name in _USUAL if name in body), None)
