"""Decoders are loaded once by the program that forks, and not again for each picture or film."""

import io
import subprocess
import sys
from pathlib import Path

from PIL import Image

from tests.support.films import film

#: opens each file of a folder; prints what this loads of Pillow and PyAV after `load_decoders`
_LOADED_LATE = """
import sys
from pathlib import Path
from services.storage.media.image_worker import inspect, inspect_video, load_decoders

load_decoders(film=True)
before = set(sys.modules)
for source in sorted(Path(sys.argv[1]).iterdir()):
    if source.name == "MP4":
        inspect_video(source, source.parent, "video/mp4", 1_000_000)
    else:
        inspect(source, source.parent, 1_000_000, lenient=False)
    late = {name for name in set(sys.modules) - before if name.startswith("PIL.") or name == "av"}
    if late:
        print(source.name, *late)
"""


def test_opening_a_file_loads_no_decoder(tmp_path: Path) -> None:
    """Loading all of Pillow's formats in each fork took half of the processor time of a picture."""
    (tmp_path / "MP4").write_bytes(film())
    for name in ("PNG", "JPEG", "WEBP", "GIF", "AVIF"):
        (tmp_path / name).write_bytes(_picture(name))

    command = [sys.executable, "-c", _LOADED_LATE, str(tmp_path)]
    loaded = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)

    assert loaded.stdout == ""


def _picture(name: str) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (40, 30), "navy").save(written, name)
    return written.getvalue()
