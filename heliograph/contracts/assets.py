"""Assets: stored outputs, and their variants."""

from pydantic import Field

from heliograph.contracts.tolerant_reader import Tolerant


class Variant(Tolerant):
    """Variant of an asset, made by storage: lighter, or easier to read."""

    media_type: str
    width: int | None = None  #: pixels; null for what is not a picture
    height: int | None = None
    bytes: int
    sha256: str
    still: bool = False  #: one frame of an animated picture
    #: of a thumbnail or poster, base64: 25 bytes or so to draw while the picture is loading
    thumbhash: str | None = None
    url: str | None = None


class Asset(Tolerant):
    """Stored bytes. They never change: another version is another asset."""

    id: str
    index: int  #: which of the job's outputs, from 0
    media_type: str
    width: int | None = None  #: pixels; null for what is not a picture
    height: int | None = None
    duration: float | None = None  #: seconds, of a film
    codec: str | None = None  #: of a film's pictures, as `h264`
    bytes: int
    sha256: str
    undecodable: bool = (
        False  #: begins like a picture or film, but no decoder here reads it: stored unchanged
    )
    url: str | None = None
    variants: dict[str, Variant] = Field(default_factory=dict)
