"""In images FFmpeg lacks what no service uses, and films are read and drawn as everywhere else."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import av
import pytest

from deploy.images.trim_ffmpeg import trim
from deploy.local.processes import ROOT
from tests.support.films import film

PACKAGES = Path(av.__file__).parents[1]

pytestmark = [
    pytest.mark.skipif(
        not (PACKAGES / "av.libs").exists(), reason="this PyAV has no libraries of its own"
    ),
    pytest.mark.skipif(not shutil.which("ld"), reason="binutils are not installed"),
]

#: prints the properties of each film of a folder, with a digest of its poster
_INSPECTED = """
import hashlib, json, sys
from pathlib import Path
import av
from services.storage.media.film_inspector import inspect_film

found = {"libraries": av.__file__}
for source in sorted(Path(sys.argv[1]).iterdir()):
    film = inspect_film(source, "video/webm" if source.suffix == ".webm" else "video/mp4", 1_000_000)
    found[source.name] = film | {"poster": hashlib.sha256(film["poster"].tobytes()).hexdigest()}
print(json.dumps(found))
"""

_DRAWN = """
import hashlib
from services.render.sim_pictures.film import draw_mp4
from services.render.sim_pictures.picture import PictureSpec

spec = PictureSpec(prompt="p", model="m", seed=1, index=0, references=(), aspect_ratio="16:9")
print(hashlib.sha256(draw_mp4(spec, 1)).hexdigest())
"""

_OPENED = """
import av
with av.open("/dev/null", "w", format="mp4") as film:
    stream = film.add_stream("libx265", rate=10)
    stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
    try:
        stream.codec_context.open()
    except av.error.FFmpegError as error:
        print("not available:", error)
"""


@pytest.fixture(scope="module")
def trimmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages with PyAV alone, which is trimmed."""
    environment = tmp_path_factory.mktemp("trimmed")
    packages = environment / "lib" / "python3" / "site-packages"
    for name in ("av", "av.libs"):
        shutil.copytree(PACKAGES / name, packages / name, copy_function=os.link)
    before = _size(packages)

    saved = trim(environment, keep=["x264"])

    assert saved == before - _size(packages) > 40_000_000
    return packages


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    for name, codec in {
        "h264.mp4": "libx264",
        "h265.mp4": "libx265",
        "av1.mp4": "libsvtav1",
        "mpeg4.mp4": "mpeg4",
        "vp8.webm": "libvpx",
        "vp9.webm": "libvpx-vp9",
    }.items():
        container = "webm" if name.endswith("webm") else "mp4"
        (folder / name).write_bytes(film(container, codec, seconds=1))
    return folder


def _printed(code: str, packages: Path, *arguments: str) -> str:
    path = os.pathsep.join([str(packages), str(ROOT)])
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": path},
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
    ).stdout


def test_films_of_every_codec_are_inspected_as_before(trimmed: Path, films: Path) -> None:
    before = json.loads(_printed(_INSPECTED, PACKAGES, str(films)))

    after = json.loads(_printed(_INSPECTED, trimmed, str(films)))

    assert after.pop("libraries") != before.pop("libraries")
    assert after == before
    assert len(after) == 6


def test_a_film_of_the_sim_provider_is_the_same(trimmed: Path) -> None:
    assert _printed(_DRAWN, trimmed) == _printed(_DRAWN, PACKAGES)


def test_an_encoder_that_was_removed_is_not_available(trimmed: Path) -> None:
    assert "not available" in _printed(_OPENED, trimmed)
