"""What in a picture can identify, and who says so.

    detectors = detect.load()                       # once for a process
    report = detect.find(pixels, detectors=detectors)

Every detector answers found, held (may be one: a person must look), none or failed. Nothing here
says that a picture is anonymous.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import cv2

from safelight.detect.cards import ModelCard
from safelight.detect.closeups import Crops
from safelight.detect.codes import Codes
from safelight.detect.faces import Faces
from safelight.detect.models import WeightsMissing, read_crop_model, read_model
from safelight.detect.objects import Objects
from safelight.detect.people import People
from safelight.detect.sizes import Sizes
from safelight.detect.tattoos import Tattoos
from safelight.detect.text import Text
from safelight.detect.things import SORTS, Things
from safelight.detect.unseen import UNSEEN
from safelight.detect.values import (
    AGAIN,
    FIRST,
    QUICK,
    Detector,
    DetectorFailed,
    Finding,
    Report,
    Scales,
)
from safelight.terms import Answer, Pixels

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "AGAIN",
    "FIRST",
    "QUICK",
    "Answer",
    "Detector",
    "DetectorFailed",
    "Detectors",
    "Faces",
    "Finding",
    "ModelCard",
    "Report",
    "Scales",
    "WeightsMissing",
    "find",
    "load",
]

FAILURES = (
    DetectorFailed,
    cv2.error,
    ArithmeticError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What a detector, ours or a plugged-in one, may raise; its answer is then FAILED."""


class FileFinding(Protocol):
    """Something that the file says besides its pixels, as the decoder reports it."""

    @property
    def where(self) -> str:
        """Return the place in the file, such as EXIF:GPSLatitude."""
        ...

    @property
    def why(self) -> str:
        """Return why it matters; never the value itself."""
        ...


@dataclass(frozen=True, slots=True)
class Detectors:
    """The detectors to ask, models loaded."""

    all: tuple[Detector, ...]
    unseen: Mapping[str, str] = field(default_factory=dict)
    """Kinds of which silence says nothing, and why: never answered NONE, but HELD at least."""

    def with_more(self, *more: Detector) -> Detectors:
        """Return these and others; a kind that one of the others looks for is unseen no more."""
        looked_for = {detector.kind for detector in more}
        still = {kind: why for kind, why in self.unseen.items() if kind not in looked_for}
        return Detectors((*self.all, *more), still)

    @property
    def cards(self) -> tuple[ModelCard, ...]:
        """Return every card once, in the order in which the detectors are asked."""
        return tuple(dict.fromkeys(card for detector in self.all for card in detector.cards))


def load(*, threads: int = 1, folder: Path | None = None) -> Detectors:
    """Load every model that the package carries; do it once for a process.

    threads: for each network. Raises WeightsMissing if a file is absent or not the pinned one.
    """
    weights = Path(__file__).parent / "weights" if folder is None else folder
    retina, centre, ssd, text, light = (
        read_model(name, folder=weights, threads=threads)
        for name in ("retinaface", "centerface", "objects", "text", "text-light")
    )
    crops = Crops(read_crop_model("face-crop", folder=weights))
    faces, objects = Faces(retina, centre, crops), Objects(ssd)
    people = People(objects, faces)
    asked: list[Detector] = [faces, Text(text, light), Codes(), people]
    asked += (Tattoos(objects, people), *(Things(objects, sort) for sort in SORTS))
    return Detectors(tuple(asked), UNSEEN)


def find(
    pixels: Pixels,
    *,
    detectors: Detectors,
    file_findings: Iterable[FileFinding] = (),
    scales: Scales = FIRST,
) -> Report:
    """Ask every detector about the picture, and list what the file says besides.

    What no detector finds reliably is held at least, with the reason in `unseen`: a person must look.

    Raises ValueError if `pixels` is not (height, width, 3) of uint8.
    """
    sizes = Sizes(pixels)
    findings = [
        Finding("metadata", None, told.where, None, told.why, Answer.FOUND)
        for told in file_findings
    ]
    answers = {"metadata": Answer.FOUND if findings else Answer.NONE}
    for detector in detectors.all:
        said, answer = _asked(detector, sizes, scales)
        findings += said
        answers[detector.kind] = _stricter(answers.get(detector.kind, Answer.NONE), answer)
    for kind in detectors.unseen:
        answers[kind] = _stricter(answers.get(kind, Answer.HELD), Answer.HELD)
    return Report(tuple(findings), answers, dict(detectors.unseen))


def _asked(detector: Detector, sizes: Sizes, scales: Scales) -> tuple[Sequence[Finding], Answer]:
    try:
        said = detector.find(sizes, scales=scales)
    except FAILURES:
        return (), Answer.FAILED
    answer = Answer.NONE
    for finding in said:
        answer = _stricter(answer, finding.answer)
    return said, answer


def _stricter(one: Answer, other: Answer) -> Answer:
    order = (Answer.NONE, Answer.HELD, Answer.FOUND, Answer.FAILED)
    return max(one, other, key=order.index)
