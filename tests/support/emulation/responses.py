"""Responses that a test writes itself: with files of the emulator, and pictures, where it says so."""

import base64
import codecs
from typing import Any

from starlette.responses import JSONResponse, Response

from tests.support.emulation.files import picture


def written(body: Any, files: str) -> Any:
    """
    A response with its marks filled in: `<url 0>` is the address of a file, `<path 0>` the same without
    its host, `<base64 0>` a picture, `<data 0>` one as a data address.
    """
    match body:
        case dict():
            return {name: written(each, files) for name, each in body.items()}
        case list():
            return [written(each, files) for each in body]
        case str() if body.startswith("<") and body.endswith(">"):
            return _filled(body.strip("<>"), files)
    return body


def marked(response: JSONResponse) -> Response:
    """The same, after a byte order mark."""
    content = codecs.BOM_UTF8 + bytes(response.body)
    return Response(content, response.status_code, media_type="application/json")


def picture_of(number: str) -> bytes:
    """The picture that `<base64 number>` stands for."""
    return picture(f"written {number}")


def _filled(mark: str, files: str) -> str:
    kind, _, number = mark.partition(" ")
    inline = base64.b64encode(picture_of(number)).decode()
    return {
        "url": f"{files}/{number}.png",
        "path": "/" + f"{files}/{number}.png".split("/", 3)[3],
        "base64": inline,
        "data": f"data:image/png;base64,{inline}",
        "lines": "\n".join(inline[n : n + 76] for n in range(0, len(inline), 76)),
        "urlsafe": base64.urlsafe_b64encode(picture_of(number)).decode().rstrip("="),
    }[kind]
