"""What the sim draws and writes: always the same for the same spec, and always presentable."""

import json
import os
import subprocess
import sys
from hashlib import sha256
from io import BytesIO
from itertools import pairwise
from typing import Any

import av
import pytest
from PIL import Image, ImageChops

from services.render.providers.sim.scenes import write_scenes
from services.render.sim_pictures.caption import fit
from services.render.sim_pictures.film import draw_mp4
from services.render.sim_pictures.picture import PictureSpec, draw_png, size_of

RATIOS = ("1:1", "4:3", "3:4", "3:2", "2:3", "16:9", "9:16", "21:9")
UNUSUAL = {
    "nothing": "",
    "one letter": "a",
    "only spaces": " \n\t ",
    "control characters": "a\x00b\x1b[31m\x7f",
    "accents": "Ångström, Žižek’s façade – naïve, Đà Nẵng, ĞİŞ",
    "piled marks": "z" + "\u0300\u0327\u0489" * 200,
    "Greek": "Φάρος στο σούρουπο",
    "Chinese": "黄昏时分海边的灯塔",
    "right to left": "مدينة قديمة عند الغروب",
    "joined emoji": "👩‍🚀🏳️‍🌈 1️⃣",
    "half a surrogate pair": "before \ud83d after",
    "beyond Unicode's letters": "\U0010ffff\ufffe\ue000",
}
ENDLESS = {"words": "lantern " * 2500, "one word": "x" * 20_000, "no spaces": "灯" * 20_000}


def spec(**changes: Any) -> PictureSpec:
    fields: dict[str, Any] = {
        "prompt": "A lighthouse at dusk",
        "model": "sim/picture",
        "seed": 7,
        "index": 0,
        "references": (),
        "aspect_ratio": "1:1",
    }
    return PictureSpec(**(fields | changes))


def picture(**changes: Any) -> Image.Image:
    return Image.open(BytesIO(draw_png(spec(**changes)))).convert("RGB")


def is_clean_at_its_edges(poster: Image.Image) -> bool:
    """Whether nothing reaches into the paper's margin."""
    width, height = poster.size
    margin = 24
    paper = Image.new("RGB", poster.size, poster.getpixel((0, 0)))
    printed = ImageChops.difference(poster, paper).getbbox()
    assert printed is not None
    left, top, right, bottom = printed
    return min(left, top, width - right, height - bottom) >= margin


def film_frames(film: bytes) -> list[Image.Image]:
    with av.open(BytesIO(film), "r") as container:
        frames = container.decode(video=0)
        return [frame.to_image() for frame in frames]  # type: ignore[no-untyped-call]  # PyAV leaves it so


def difference(one: Image.Image, other: Image.Image) -> float:
    """The mean over all pixels, 0 to 255."""
    gray = ImageChops.difference(one, other).convert("L")
    total = sum(level * count for level, count in enumerate(gray.histogram()))
    return total / (gray.width * gray.height)


def test_the_same_brief_gives_the_same_bytes() -> None:
    assert draw_png(spec()) == draw_png(spec())


def test_the_same_brief_gives_the_same_bytes_in_another_process() -> None:
    program = (
        "from hashlib import sha256\n"
        "from services.render.sim_pictures.film import draw_mp4\n"
        "from services.render.sim_pictures.picture import PictureSpec, draw_png\n"
        f"spec = {spec()!r}\n"
        "print(sha256(draw_png(spec) + draw_mp4(spec, 1)).hexdigest())"
    )
    environment = os.environ | {"PYTHONHASHSEED": "1"}
    there = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, check=True, text=True
    )
    here = sha256(draw_png(spec()) + draw_mp4(spec(), 1)).hexdigest()
    assert there.stdout.strip() == here


@pytest.mark.parametrize(
    "change",
    [{"seed": 8}, {"index": 1}, {"prompt": "A lighthouse at dawn"}, {"references": ("sha256:1",)}],
    ids=lambda change: next(iter(change)),
)
def test_another_brief_gives_another_picture(change: dict[str, Any]) -> None:
    assert draw_png(spec(**change)) != draw_png(spec())


@pytest.mark.parametrize("ratio", RATIOS)
def test_every_aspect_ratio_has_its_size(ratio: str) -> None:
    width, height = size_of(ratio)
    wide, tall = map(int, ratio.split(":"))
    assert width * tall == height * wide
    assert (width % 8, height % 8) == (0, 0)
    assert 570_000 < width * height < 630_000
    assert picture(aspect_ratio=ratio).size == (width, height)


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("prompt", ENDLESS.values(), ids=ENDLESS)
def test_a_prompt_of_twenty_thousand_characters_fits(prompt: str, ratio: str) -> None:
    assert is_clean_at_its_edges(picture(prompt=prompt, aspect_ratio=ratio))


@pytest.mark.parametrize("prompt", UNUSUAL.values(), ids=UNUSUAL)
def test_any_unicode_can_be_a_prompt(prompt: str) -> None:
    assert is_clean_at_its_edges(picture(prompt=prompt))
    assert json.loads(write_scenes(prompt, 7, 2))["title"]


def test_a_long_caption_stays_on_the_paper() -> None:
    poster = picture(
        model="sim/" + "long-" * 40, seed=2**63, references=("a",) * 30, aspect_ratio="21:9"
    )
    assert is_clean_at_its_edges(poster)


def test_a_short_text_is_set_large_and_whole() -> None:
    setting = fit("Two boats, coming home", (700, 120), 40, 14)
    assert " ".join(setting.lines) == "Two boats, coming home"
    assert setting.size == 40


def test_a_text_that_is_too_long_ends_in_an_ellipsis() -> None:
    setting = fit("lantern " * 2500, (700, 120), 40, 14)
    assert setting.size == 14
    assert setting.height <= 120
    assert setting.lines[-1].endswith("...")


def test_a_word_is_not_broken_where_a_smaller_size_would_save_it() -> None:
    assert "Weltraumbahnhof" in fit("Am Weltraumbahnhof", (160, 400), 40, 14).lines


def test_other_scripts_are_transliterated() -> None:
    setting = fit("Žižek’s café – Φάρος, Маяк", (900, 100), 20, 14)
    assert setting.lines == ["Zizek's cafe - Faros, Mayak"]


def test_the_first_reference_sets_the_palette() -> None:
    papers = {
        picture(seed=seed, references=("sha256:1", f"sha256:{seed}")).getpixel((0, 0))
        for seed in range(6)
    }
    assert len(papers) == 1


def test_a_picture_is_no_larger_than_it_must_be() -> None:
    assert max(len(draw_png(spec(seed=seed))) for seed in range(8)) < 1_200_000


@pytest.mark.parametrize("ratio", ["1:1", "16:9", "9:16", "21:9"])
def test_a_film_decodes_to_its_seconds(ratio: str) -> None:
    with av.open(BytesIO(draw_mp4(spec(aspect_ratio=ratio), 2)), "r") as film:
        stream = film.streams.video[0]
        frames = list(film.decode(stream))
    assert stream.codec_context.name == "h264"
    assert stream.average_rate == 24
    assert {frame.format.name for frame in frames} == {"yuv420p"}
    assert len(frames) == 48
    assert max(stream.width, stream.height) == 640
    assert (stream.width % 2, stream.height % 2) == (0, 0)


@pytest.mark.parametrize("seed", range(6))
def test_a_film_moves_and_ends_where_it_began(seed: int) -> None:
    frames = film_frames(draw_mp4(spec(seed=seed), 1))
    steps = [difference(one, next_one) for one, next_one in pairwise(frames)]
    assert difference(frames[0], frames[6]) > 0.5
    assert difference(frames[-1], frames[0]) <= 2 * max(steps)


def test_a_film_begins_to_play_before_it_is_whole() -> None:
    film = draw_mp4(spec(), 1)
    assert film.index(b"moov") < film.index(b"mdat")


@pytest.mark.parametrize("count", [1, 2, 5, 60])
def test_there_are_as_many_scenes_as_requested(count: int) -> None:
    story = json.loads(write_scenes("A lighthouse at dusk", 7, count))
    assert set(story) == {"title", "logline", "scenes"}
    assert [scene["number"] for scene in story["scenes"]] == list(range(1, count + 1))
    for scene in story["scenes"]:
        assert set(scene) == {"number", "heading", "action", "shot_prompt", "duration_seconds"}
        assert "A lighthouse at dusk" in scene["shot_prompt"]
        assert 3 <= scene["duration_seconds"] <= 8


def test_scenes_are_the_same_for_the_same_seed_only() -> None:
    assert write_scenes("A fox", 7, 5) == write_scenes("A fox", 7, 5)
    assert write_scenes("A fox", 7, 5) != write_scenes("A fox", 8, 5)
