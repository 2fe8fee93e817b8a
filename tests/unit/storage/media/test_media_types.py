"""Bytes are what they begin with, whatever somebody calls them; what is not on the list is nothing."""

import io
import json
from pathlib import Path

import pytest
from PIL import Image

from heliograph.contracts.errors import BodyTooLarge, OutputRefused
from heliograph.contracts.models import Media
from heliograph.contracts.object_keys import EXTENSIONS
from services.storage.media.media_types import (
    check_media,
    check_upload,
    detect_media_type,
    media_of,
)
from services.storage.settings import StorageSettings


def _picture(form: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (2, 2), "teal").save(buffer, form)
    return buffer.getvalue()


STORED = {
    "png": (_picture("PNG"), "image/png"),
    "jpeg": (_picture("JPEG"), "image/jpeg"),
    "webp": (_picture("WEBP"), "image/webp"),
    "gif": (_picture("GIF"), "image/gif"),
    "avif": (_picture("AVIF"), "image/avif"),
    "avif by a compatible brand": (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avif" + bytes(9), "image/avif"),
    "older gif": (b"GIF87a" + bytes(20), "image/gif"),
    "mp4": (b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41", "video/mp4"),
    "fragmented mp4": (b"\0\0\0\x18ftypiso6\0\0\0\0iso6dash", "video/mp4"),
    "json object": (b'{"title": "dusk"}', "application/json"),
    "json list": (b"[1, 2]", "application/json"),
    "json after white space": (b'\r\n\t {"title": "\xc3\xa9"}', "application/json"),
}

REFUSED = {
    "nothing": b"",
    "text": b"a lighthouse",
    "html": b"<!doctype html><script>alert(1)</script>",
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "svg after white space": b"\n <svg/>",
    "xml": b"<?xml version='1.0'?><svg/>",
    "pdf": b"%PDF-1.7\n",
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0",
    "tiff": b"II*\0\x08\0\0\0",
    "big-endian tiff": b"MM\0*\0\0\0\x08",
    "psd": b"8BPS\0\x01" + bytes(26),
    "bmp": b"BM" + bytes(52),
    "ico": b"\0\0\x01\0\x01\0" + bytes(16),
    "jpeg 2000": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(20),
    "heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    "heic of several layers": b"\0\0\0\x18ftypheim\0\0\0\0mif1heim",
    "heic sequence": b"\0\0\0\x18ftyphevc\0\0\0\0msf1hevc",
    "wave": b"RIFF\x24\0\0\0WAVEfmt ",
    "webm": b"\x1aE\xdf\xa3" + bytes(28),
    "zip": b"PK\x03\x04" + bytes(26),
    "gzip": b"\x1f\x8b\x08" + bytes(20),
    "program": b"MZ" + bytes(60),
    "elf": b"\x7fELF" + bytes(28),
    "script": b"#!/bin/sh\n",
    "png that begins late": b"\n" + _picture("PNG"),
    "half a png signature": b"\x89PNG\r\n",
    "json null": b"null",
    "json number": b"17",
    "json text": b'"a picture, honestly"',
    "json cut short": b'{"title": "du',
    "json and more": b'{"title": 1} <script>',
    "json lines": b'{"a": 1}\n{"a": 2}\n',
    "json in another encoding": '{"é": 1}'.encode("latin-1"),
    "json in utf-16": '{"a": 1}'.encode("utf-16"),
    "json too deep to read": b"[" * 100_000 + b"]" * 100_000,
    "json not a number": b"[NaN]",
    "json infinity": b'{"price": Infinity}',
    "json less than everything": b"[-Infinity]",
    "javascript": b"{}.constructor.constructor('alert(1)')()",
}


_PEAK = Path("/proc/self/clear_refs")  #: writing 5 there makes VmHWM start anew


def _file(folder: Path, content: bytes) -> Path:
    file = folder / "output"
    file.write_bytes(content)
    return file


@pytest.mark.parametrize(("content", "media_type"), STORED.values(), ids=STORED)
def test_what_is_stored_is_known_by_its_bytes(
    tmp_path: Path, content: bytes, media_type: str
) -> None:
    assert detect_media_type(_file(tmp_path, content)) == media_type


@pytest.mark.parametrize("content", REFUSED.values(), ids=REFUSED)
def test_everything_else_is_of_no_type(tmp_path: Path, content: bytes) -> None:
    assert detect_media_type(_file(tmp_path, content)) is None


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("html", "HTML"),
        ("svg after white space", "SVG"),
        ("xml", "SVG"),
        ("pdf", "PDF"),
        ("tiff", "TIFF"),
        ("heic", "HEIC"),
        ("heic of several layers", "HEIC"),
        ("heic sequence", "HEIC"),
        ("webm", "WebM"),
        ("zip", "ZIP"),
        ("nothing", "empty"),
        ("json cut short", "application/json"),
        ("elf", r"\\x7fELF"),
    ],
)
def test_a_refusal_says_what_came(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(OutputRefused, match=reason):
        check_media(_file(tmp_path, REFUSED[name]), "image")


@pytest.mark.parametrize("name", ["picture.svg", "index.html", "movie.mp4"])
def test_a_name_changes_nothing(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(_picture("PNG"))

    assert detect_media_type(file) == "image/png"


def test_every_type_that_is_found_can_be_stored() -> None:
    """And what people read instead of it, which we write ourselves, and films that models name."""
    elsewhere = {"text/markdown", "text/plain", "video/quicktime", "video/webm"}
    assert {media_type for _, media_type in STORED.values()} == set(EXTENSIONS) - elsewhere


@pytest.mark.parametrize(
    ("media_type", "media"),
    [
        ("image/png", "image"),
        ("image/jpeg", "image"),
        ("image/webp", "image"),
        ("image/gif", "image"),
        ("video/mp4", "video"),
        ("application/json", "text"),
    ],
)
def test_a_type_belongs_to_a_medium(media_type: str, media: Media) -> None:
    assert media_of(media_type) == media


@pytest.mark.parametrize(
    ("content", "media"),
    [
        (STORED["png"][0], "image"),
        (STORED["mp4"][0], "video"),
        (json.dumps({"scenes": []}).encode(), "text"),
    ],
    ids=["image", "video", "text"],
)
def test_an_output_of_the_wanted_medium_is_taken(
    tmp_path: Path, content: bytes, media: Media
) -> None:
    file = _file(tmp_path, content)

    assert check_media(file, media) == detect_media_type(file)


@pytest.mark.parametrize(
    ("content", "media", "is_named"),
    [
        (STORED["png"][0], "video", "image/png"),
        (STORED["mp4"][0], "image", "video/mp4"),
        (STORED["png"][0], "text", "image/png"),
        (b'{"error": "quota"}', "image", "application/json"),
    ],
    ids=["picture for video", "video for picture", "picture for text", "json for picture"],
)
def test_an_output_of_another_medium_is_refused(
    tmp_path: Path, content: bytes, media: Media, is_named: str
) -> None:
    with pytest.raises(OutputRefused, match=is_named):
        check_media(_file(tmp_path, content), media)


@pytest.mark.parametrize("media", ["image", "video", "text"])
def test_an_output_of_no_type_is_refused_for_every_medium(tmp_path: Path, media: Media) -> None:
    with pytest.raises(OutputRefused, match="not stored"):
        check_media(_file(tmp_path, REFUSED["html"]), media)


@pytest.mark.skipif(not _PEAK.exists(), reason="memory is looked at in Linux's /proc")
def test_a_large_text_for_a_picture_is_refused_without_reading_it(tmp_path: Path) -> None:
    file = _file(tmp_path, b"[" + b"0," * 8_000_000 + b"0]")
    _PEAK.write_text("5")
    before = _memory("VmRSS")

    with pytest.raises(OutputRefused):
        check_media(file, "image")

    assert _memory("VmHWM") - before < 20


@pytest.mark.parametrize(("content", "media_type"), STORED.values(), ids=STORED)
def test_an_upload_is_what_it_is_as_long_as_it_is_no_larger_than_its_medium_allows(
    tmp_path: Path, content: bytes, media_type: str
) -> None:
    file = _file(tmp_path, content)
    wide, narrow = (
        StorageSettings().model_copy(update={f"{media_of(media_type)}_max_bytes": limit})
        for limit in (len(content), len(content) - 1)
    )

    assert check_upload(file, wide.max_bytes) == media_type
    with pytest.raises(BodyTooLarge, match=f"{len(content) - 1} bytes of {media_of(media_type)}"):
        check_upload(file, narrow.max_bytes)


@pytest.mark.parametrize("content", REFUSED.values(), ids=REFUSED)
def test_an_upload_of_no_type_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(OutputRefused, match="png, jpeg"):
        check_upload(_file(tmp_path, content), StorageSettings().max_bytes)


@pytest.mark.skipif(not _PEAK.exists(), reason="memory is looked at in Linux's /proc")
def test_a_too_large_text_is_refused_without_reading_it(tmp_path: Path) -> None:
    file = _file(tmp_path, b"[" + b"0," * 8_000_000 + b"0]")
    _PEAK.write_text("5")
    before = _memory("VmRSS")

    with pytest.raises(BodyTooLarge):
        check_upload(file, StorageSettings().max_bytes)

    assert _memory("VmHWM") - before < 20


def _memory(line: str) -> float:
    """MiB."""
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{line}:")[1].split()[0]) / 1024
