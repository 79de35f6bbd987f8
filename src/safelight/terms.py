"""The words every room shares, one meaning each. docs/reference/glossary.md settles arguments."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NewType, TypeAlias
from uuid import UUID

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TenantId = NewType("TenantId", UUID)
PatientId = NewType("PatientId", UUID)
PhotoId = NewType("PhotoId", UUID)
CaptureId = NewType("CaptureId", UUID)

Pixels: TypeAlias = "NDArray[np.uint8]"
"""(height, width, 3), sRGB, already turned upright. Row first."""


class Purpose(StrEnum):
    """What a picture is made, used or disclosed for."""

    CARE = "care"
    SECOND_OPINION = "second-opinion"
    INTEREST = "interest"
    AUDIT = "audit"
    TEACHING_LOCAL = "teaching-local"
    TEACHING_WIDE = "teaching-wide"
    RESEARCH = "research"
    PUBLICATION = "publication"
    SOCIAL = "social"
    MARKETING = "marketing"
    LEGAL = "legal"
    COMPLAINT = "complaint"


class Audience(StrEnum):
    """Who would see it, from the fewest to everybody."""

    TEAM = "team"
    NAMED = "named"
    ORGANISATION = "organisation"
    CLOSED_GROUP = "closed-group"
    PUBLIC = "public"


class RecordingType(StrEnum):
    """What kind of recording it is. GMC, Visual and audio recordings, paragraph 10 lists some."""

    PHOTOGRAPH = "photograph"
    VIDEO = "video"
    AUDIO = "audio"
    ORGAN_STRUCTURE = "organ-structure"
    PATHOLOGY_SLIDE = "pathology-slide"
    ENDOSCOPIC = "endoscopic"
    ORGAN_FUNCTION = "organ-function"
    ULTRASOUND = "ultrasound"
    X_RAY = "x-ray"


class Identifiability(StrEnum):
    """Whether someone could tell who it is. A machine never says anonymised."""

    IDENTIFIABLE = "identifiable"
    MAY_BE = "may-be"
    CODED = "coded"
    ANONYMISED = "anonymised"
    COULD_NOT_TELL = "could-not-tell"


class RegionOutsideImage(ValueError):
    """A region reaches beyond the picture that it was said to lie in."""

    for_people = "A box reaches beyond the edge of the picture. Draw it inside the picture."


@dataclass(frozen=True, slots=True, order=True)
class Region:
    """A rectangle in pixels of the upright picture; x and y are its top left corner."""

    x: int
    y: int
    width: int
    height: int

    def __post_init__(self) -> None:
        if self.x < 0 or self.y < 0 or self.width <= 0 or self.height <= 0:
            raise RegionOutsideImage(f"not a region: {self.as_list()}")

    def as_list(self) -> list[int]:
        """Return [x, y, width, height], as the JSON contracts write a box."""
        return [self.x, self.y, self.width, self.height]

    @property
    def area(self) -> int:
        """Return the area in pixels."""
        return self.width * self.height

    def fits(self, width: int, height: int) -> bool:
        """Say whether the region lies wholly inside a picture of this size."""
        return self.x + self.width <= width and self.y + self.height <= height

    def grown(self, margin: int, *, within: tuple[int, int]) -> Region:
        """Return the region grown by `margin` pixels on each side, cut at (width, height)."""
        left, top = max(0, self.x - margin), max(0, self.y - margin)
        right = min(within[0], self.x + self.width + margin)
        bottom = min(within[1], self.y + self.height + margin)
        return Region(left, top, right - left, bottom - top)

    def overlap(self, other: Region) -> int:
        """Return the shared area in pixels."""
        across = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        down = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        return max(0, across) * max(0, down)


class Answer(StrEnum):
    """What a detector says of a whole picture."""

    FOUND = "found"
    HELD = "held"
    NONE = "none"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class CopyReport:
    """What is known of a finished copy; a permit says whether it is met by it."""

    verified: bool
    """Every detector answered on the finished copy and left nothing."""
    person_looked: bool
    """A person settled every finding and the tick-list of what machines can't see."""
    residual: int
    """Findings left on the finished copy."""
