"""
Slots: the named places that results fill, and the versions that filled them.

Each success of a job that names a slot is the slot's next version, counted from 1 in the order in
which they succeeded. The latest is current, until an older one is restored.
"""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from heliograph.contracts.ids import SlotName
from heliograph.contracts.numbers import WHOLE
from heliograph.contracts.tolerant_reader import Tolerant


class Restored(Tolerant):
    """An older version that was made current again."""

    version: int
    latest: int  #: the newest version there was; whatever succeeded after it is current again
    at: AwareDatetime


class RestoreRequest(BaseModel):
    """Make a version of a slot current."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    slot: SlotName = Field(description="Name of the slot", examples=["portrait/char-123"])
    version: Annotated[
        int,
        Field(
            ge=1, lt=2**31, strict=True, description="Number of the version, from 1", examples=[1]
        ),
        WHOLE,
    ]


def current_version(latest: int, restored: Restored | None) -> int:
    """
    Which version of a slot is current, when `latest` is the newest; 0 if it has no version.

    The newer one is found by counting, not by clocks: those of two machines may disagree.
    """
    if restored is None or restored.latest < latest:
        return latest
    return min(restored.version, latest)
