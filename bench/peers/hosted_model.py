"""
A hosted model that is done at once, in fal's words: a request is submitted, asked after, and its result
says where a file is. `fal-ai/text` writes a short JSON text, `fal-ai/veo3.1` makes the film that the
program is given, every other endpoint a picture of 1 MiB.
"""

import io
import itertools
import json
import random
import sys

from aiohttp import web
from PIL import Image

_WIDTH, _HEIGHT = 1024, 768
_TEXT = json.dumps(
    {
        "title": "Storm",
        "scenes": [{"number": 1, "text": "A lighthouse keeper and her dog wait. " * 30}],
    }
).encode()


class HostedModel:
    """Every request is over when it is accepted."""

    def __init__(self, port: int, film: str | None) -> None:
        self._here = f"http://127.0.0.1:{port}"
        self._numbers = itertools.count(1)
        self._picture = _picture()
        self._film = film

    def app(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [
                web.post("/queue/{endpoint:.+}", self._submit),
                web.get("/queue/{owner}/{alias}/requests/{id}/status", self._status),
                web.get("/queue/{owner}/{alias}/requests/{id}", self._result),
                web.get("/files/text.json", self._text_file),
                web.get("/files/picture.png", self._picture_file),
                web.get("/files/film.mp4", self._film_file),
            ]
        )
        return app

    async def _submit(self, request: web.Request) -> web.Response:
        await request.read()
        owner, alias, *_ = request.match_info["endpoint"].split("/")
        name = f"r{next(self._numbers)}"
        address = f"{self._here}/queue/{owner}/{alias}/requests/{name}"
        return web.json_response(
            {
                "request_id": name,
                "status": "IN_QUEUE",
                "queue_position": 0,
                "response_url": address,
                "status_url": f"{address}/status",
                "cancel_url": f"{address}/cancel",
            }
        )

    async def _status(self, request: web.Request) -> web.Response:
        status = {"status": "COMPLETED", "request_id": request.match_info["id"], "logs": None}
        return web.json_response({**status, "metrics": {"inference_time": 0.0}})

    async def _result(self, request: web.Request) -> web.Response:
        if request.match_info["alias"] == "text":
            return web.json_response({"text": {"url": f"{self._here}/files/text.json"}})
        if request.match_info["alias"] == "veo3.1":
            film = {"url": f"{self._here}/files/film.mp4", "content_type": "video/mp4"}
            return web.json_response({"video": film})
        url = f"{self._here}/files/picture.png"
        image = {"url": url, "content_type": "image/png", "width": _WIDTH, "height": _HEIGHT}
        return web.json_response({"images": [image], "seed": 1, "has_nsfw_concepts": [False]})

    async def _text_file(self, _: web.Request) -> web.Response:
        return web.Response(body=_TEXT, content_type="application/json")

    async def _film_file(self, _: web.Request) -> web.FileResponse:
        if self._film is None:
            raise web.HTTPNotFound
        return web.FileResponse(self._film)

    async def _picture_file(self, _: web.Request) -> web.Response:
        return web.Response(body=self._picture, content_type="image/png")


def _picture() -> bytes:
    """A gradient under grain, as a PNG of about 1 MiB; the same in every run."""
    grain = Image.frombytes(
        "RGB",
        (_WIDTH, _HEIGHT),
        bytes(value & 7 for value in random.Random(1).randbytes(3 * _WIDTH * _HEIGHT)),  # noqa: S311
    )
    slope = Image.linear_gradient("L").resize((_WIDTH, _HEIGHT)).convert("RGB")
    picture = io.BytesIO()
    Image.blend(slope, grain, 0.5).save(picture, "PNG")
    return picture.getvalue()


def main() -> None:
    port, film = int(sys.argv[1]), next(iter(sys.argv[2:]), None)
    web.run_app(HostedModel(port, film).app(), host="127.0.0.1", port=port, print=None)


if __name__ == "__main__":
    main()
