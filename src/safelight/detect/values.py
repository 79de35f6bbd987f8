"""What detectors say, and what a detector is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from safelight.terms import Answer, Region

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from safelight.detect.cards import ModelCard
    from safelight.detect.sizes import Sizes


class DetectorFailed(RuntimeError):
    """A detector could not answer; what it would have found is unknown."""

    for_people = "Part of the check did not work, so this picture can't be judged by it."


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that identifies, or may: in the pixels (`box`) or in the file (`where`)."""

    kind: str
    box: Region | None
    where: str | None
    score: float | None
    """The detector's own, 0 to 1; None where it has none. Not a probability."""
    why: str
    answer: Answer
    """FOUND: covered by itself. HELD: may be one, a person must look."""
    core: Region | None = None
    """What of the box made the detector speak, if not all of it: a line without its surroundings."""

    def as_json(self) -> dict[str, object]:
        """Return the finding as the commands print it (docs/reference/commands.md)."""
        return {
            "kind": self.kind,
            "box": None if self.box is None else self.box.as_list(),
            "where": self.where,
            "score": None if self.score is None else round(self.score, 3),
            "why": self.why,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """What all detectors said of one picture."""

    findings: tuple[Finding, ...]
    answers: Mapping[str, Answer]
    """By kind. A kind that stands in `unseen` is never NONE."""
    unseen: Mapping[str, str] = field(default_factory=dict)
    """Kind to why no machine could tell that there is none."""

    @property
    def identifiable(self) -> Literal["yes", "unknown"]:
        """Return what a machine may say: it never says no."""
        return "yes" if any(f.answer is Answer.FOUND for f in self.findings) else "unknown"

    @property
    def in_pixels(self) -> tuple[Finding, ...]:
        """Return the findings that have a box."""
        return tuple(finding for finding in self.findings if finding.box is not None)

    @property
    def failed(self) -> tuple[str, ...]:
        """Return the kinds whose detector failed."""
        return tuple(kind for kind, said in self.answers.items() if said is Answer.FAILED)


@dataclass(frozen=True, slots=True)
class Scales:
    """At which longest sides, in pixels, a picture is looked at."""

    faces: int
    """For the views of near faces."""
    bystanders: int
    text: int
    """For the larger text model; 0 leaves it out."""
    text_enlarge: float
    """How many times a picture is enlarged at most to reach that side."""
    light_text: int
    """For the smaller text model; 0 leaves it out."""
    codes: tuple[int, ...]
    doubts: bool
    """Whether what may be a person, or a close-up that may be part of a face, is held."""
    halves: bool
    """Whether people are looked for in both halves of a picture as well."""
    mirrored: bool
    """Whether people are looked for in the mirror image."""


FIRST = Scales(
    faces=448,
    bystanders=960,
    text=1280,
    text_enlarge=1.0,
    light_text=0,
    codes=(1280, 2560),
    doubts=True,
    halves=True,
    mirrored=False,
)
AGAIN = Scales(
    faces=512,
    bystanders=736,
    text=960,
    text_enlarge=1.5,
    light_text=1440,
    codes=(960, 1920),
    doubts=False,
    halves=False,
    mirrored=True,
)
"""For the finished copy: other sizes than FIRST, so that a miss by size is not made twice."""
QUICK = Scales(
    faces=448,
    bystanders=640,
    text=0,
    text_enlarge=1.0,
    light_text=1024,
    codes=(1024,),
    doubts=True,
    halves=False,
    mirrored=False,
)
"""For a warning at the shutter: the smaller text model, one size for everything but faces."""


class Detector(Protocol):
    """Looks for one kind of thing. Two of one kind complement each other."""

    @property
    def kind(self) -> str:
        """Return what it looks for: face, text, code …"""
        ...

    @property
    def cards(self) -> Sequence[ModelCard]:
        """Return a card for each model or library it rests on."""
        ...

    def find(self, sizes: Sizes, *, scales: Scales) -> Sequence[Finding]:
        """Return what is there, boxes in pixels of the whole picture; raise DetectorFailed if unable."""
        ...
