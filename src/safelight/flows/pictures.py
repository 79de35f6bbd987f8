"""Look at a picture, and make the copy that is fit to leave.

    decode → detect → cover → encode → detect again at other sizes → account for every byte

Needs no database: the commands and the release pages both come here.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Literal

from safelight import detect, redact
from safelight.flows.leaving import Leave, left_of
from safelight.interop import audit
from safelight.interop import pictures as files
from safelight.terms import Answer, CopyReport, Pixels, Region, RegionOutsideImage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from safelight.detect import Detectors, Finding, Report

NothingToPropose = redact.NothingToPropose
MARGINS = {"face": 0.18, "text": 0.06, "code": 0.06, "person": 0.04}
"""Of a finding's longer side, added all round: hair, ears and chin; a line's last letter."""
USUAL_MARGIN = 0.1
ROUNDS = 6
"""Looks at the finished copy: what one leaves over is covered before the next."""
HIDDEN_AT = 0.97
"""A box of which this share is black shows nothing of what it names."""
QUICK_SIDE = 1024
"""To which a picture is opened for a quick look: detect.QUICK asks for no more."""

OPENED_SIDE = 64
"""To which the finished copy is opened once more: asked is what its file says, not what it shows."""


@dataclass(frozen=True, slots=True)
class Inspected:
    """What in a picture and its file identifies."""

    format: str
    width: int
    height: int
    report: Report

    def as_json(self) -> dict[str, object]:
        """Return it as `safelight inspect --json` prints it, without the file's name."""
        return {
            "format": self.format,
            "width": self.width,
            "height": self.height,
            "identifiable": self.report.identifiable,
            "findings": [finding.as_json() for finding in self.report.findings],
            "detectors": {kind: said.value for kind, said in self.report.answers.items()},
        }


@dataclass(frozen=True, slots=True)
class Covered:
    """One black box on the copy; the box in pixels of the upright original."""

    kind: str
    box: Region
    why: str

    def as_json(self) -> dict[str, object]:
        """Return it as `safelight redact --json` prints it."""
        return {"kind": self.kind, "box": self.box.as_list(), "why": self.why}


@dataclass(frozen=True, slots=True)
class CopyMade:
    """A finished copy and all that is known of it. All boxes are in pixels of the upright original."""

    data: bytes
    sha256: str
    width: int
    height: int
    covered: tuple[Covered, ...]
    residual: tuple[Finding, ...]
    """Found or held on the finished copy, and neither hidden nor left."""
    to_settle: tuple[Finding, ...]
    """Held on the original, and waiting for a person: only with held="ask"."""
    late: tuple[Finding, ...]
    """Not seen on the original but on the copy, and covered there."""
    left: tuple[Finding, ...]
    """What a person decided to leave, on the original or on the copy."""
    answers: Mapping[str, Answer]
    """Of the finished copy; failed also where the look at the original failed."""
    problems: tuple[str, ...]
    """Why the copy can't be vouched for, besides `residual` and `to_settle`."""
    before: Report
    """What was found on the original."""
    person_looked: bool
    visible: float
    """The share of the picture, 0 to 1, that is neither covered nor outside what was kept."""
    visible_before: float
    """What would be visible without the covers of `late`."""

    @property
    def verified(self) -> bool:
        """Say whether every detector answered and nothing is left; never that nobody is recognisable."""
        failed = Answer.FAILED in self.answers.values()
        return not (self.residual or self.to_settle or self.problems or failed)

    @property
    def report(self) -> CopyReport:
        """Return what a permit asks about a copy."""
        return CopyReport(self.verified, self.person_looked, len(self.residual))


@cache
def shared_detectors() -> Detectors:
    """Return the detectors of this process, models loaded at the first call."""
    return detect.load()


def inspect(
    data: bytes,
    *,
    quick: bool = False,
    detectors: Detectors | None = None,
    unlocked: bool = False,
) -> Inspected:
    """Return what identifies in the picture's file and pixels.

    quick: a first warning within a second, with the small models at one size; it sees less.
    Raises PictureRefused if it can't be read, LockUnavailable where nothing may be opened.
    """
    opened = files.decode(data, unlocked=unlocked, max_side=QUICK_SIDE if quick else None)
    return _inspected(
        opened, detectors or shared_detectors(), detect.QUICK if quick else detect.FIRST
    )


def inspect_to_review(data: bytes) -> tuple[Inspected, redact.Proposal]:
    """Return what identifies, and what to keep as proposed: where a person's review begins.

    Raises PictureRefused and LockUnavailable as `inspect` does.
    """
    opened = files.decode(data)
    return _inspected(opened, shared_detectors(), detect.FIRST), redact.propose(opened.pixels)


def _inspected(opened: files.Decoded, detectors: Detectors, scales: detect.Scales) -> Inspected:
    report = detect.find(
        opened.pixels,
        detectors=detectors,
        file_findings=opened.file_findings,
        scales=scales,
    )
    findings = _in_size(report.findings, opened.pixels, (opened.width, opened.height))
    return Inspected(
        opened.format, opened.width, opened.height, replace(report, findings=tuple(findings))
    )


def make_copy(
    data: bytes,
    *,
    keep: Sequence[Region | Literal["skin", "lesion"]] = (),
    cover: Sequence[Region] = (),
    leave: Sequence[Leave] = (),
    max_side: int | None = None,
    held: Literal["cover", "ask"] = "cover",
    file_format: Literal["jpeg", "png"] = "jpeg",
    person_looked: bool = False,
    detectors: Detectors | None = None,
    unlocked: bool = False,
) -> CopyMade:
    """Make a fresh file of the picture with what identifies covered, and check the finished copy.

    keep: outside these everything is black; none keeps all. "skin" and "lesion" stand for what
    `redact.propose` says of this picture. cover: black whatever is there.
    leave: a person looked and lets such a thing stand there. Boxes are in pixels of the upright picture.
    held: cover what may be something too, or leave it bare and return it in `to_settle`.
    Raises PictureRefused, LockUnavailable, RegionOutsideImage for a box that reaches out, and
    NothingToPropose.
    """
    asked = detectors or shared_detectors()
    opened = files.decode(data, unlocked=unlocked)
    kept = _kept(keep, opened.pixels)
    wish = _Wish(opened.pixels, kept, tuple(leave), max_side, held, file_format)
    wish.refuse_outside((*kept, *cover, *(each.box for each in leave)))
    before = detect.find(opened.pixels, detectors=asked, file_findings=opened.file_findings)
    covered = [Covered("chosen", box, "chosen by a person") for box in cover]
    covered += wish.covers_for(wish.bare(before.in_pixels, covered))
    look, late = _looked_until_clean(wish, covered, asked)
    visible_before = wish.visible(covered)
    covered += wish.covers_for(late)
    to_settle = wish.to_settle((*wish.bare(before.in_pixels, covered), *look.bare))
    left = wish.left_once(before.in_pixels, look.found)
    return CopyMade(
        data=look.copy,
        sha256=hashlib.sha256(look.copy).hexdigest(),
        width=look.pixels.shape[1],
        height=look.pixels.shape[0],
        covered=tuple(covered),
        residual=tuple(finding for finding in look.bare if finding not in to_settle),
        to_settle=to_settle,
        late=tuple(late),
        left=left,
        answers=_answers(before, look.after, (*look.bare, *left)),
        problems=_problems(look.copy, look.pixels, seen=look.seen, unlocked=unlocked),
        before=before,
        person_looked=person_looked,
        visible=wish.visible(covered),
        visible_before=visible_before,
    )


def _looked_until_clean(
    wish: _Wish, covered: Sequence[Covered], detectors: Detectors
) -> tuple[_Look, list[Finding]]:
    """Look at the copy, cover what it still shows and look again; return what was so covered too."""
    look = _look(wish, covered, detectors)
    late: list[Finding] = []
    for _ in range(ROUNDS - 1):
        more = wish.to_cover(look.bare)
        if not more:
            break
        late += more
        look = _look(wish, (*covered, *wish.covers_for(late)), detectors)
    return look, late


def _kept(keep: Sequence[Region | Literal["skin", "lesion"]], pixels: Pixels) -> tuple[Region, ...]:
    if all(isinstance(each, Region) for each in keep):
        return tuple(each for each in keep if isinstance(each, Region))
    proposal = redact.propose(pixels)
    return tuple(each if isinstance(each, Region) else proposal.of(each) for each in keep)


@dataclass(frozen=True, slots=True)
class _Wish:
    """The picture and what is wanted of its copy."""

    pixels: Pixels
    keep: tuple[Region, ...]
    leave: tuple[Leave, ...]
    max_side: int | None
    held: Literal["cover", "ask"]
    file_format: Literal["jpeg", "png"]

    @property
    def size(self) -> tuple[int, int]:
        return self.pixels.shape[1], self.pixels.shape[0]

    def refuse_outside(self, regions: Iterable[Region]) -> None:
        for region in regions:
            if not region.fits(*self.size):
                raise RegionOutsideImage(f"{region.as_list()} in {self.size}")

    def finished(self, covered: Sequence[Covered]) -> Pixels:
        pixels = redact.keep(self.pixels, self.keep) if self.keep else self.pixels
        pixels = redact.cover(pixels, [each.box for each in covered])
        return pixels if self.max_side is None else redact.shrink(pixels, self.max_side)

    def bare(self, findings: Sequence[Finding], covered: Sequence[Covered]) -> list[Finding]:
        """Return the findings that the covers don't hide and nobody chose to leave."""
        hidden = redact.shares_hidden(
            [finding.core or _box(finding) for finding in findings],
            covered=[each.box for each in covered],
            kept=self.keep,
            size=self.size,
        )
        left = left_of(findings, self.leave)
        return [
            finding
            for finding, share in zip(findings, hidden, strict=True)
            if share < HIDDEN_AT and finding not in left
        ]

    def left_once(self, before: Sequence[Finding], after: Sequence[Finding]) -> tuple[Finding, ...]:
        """Return what is left, each thing once: what was seen on the copy only where it wasn't before."""
        first = left_of(before, self.leave)
        fresh = [
            each
            for each in left_of(after, self.leave)
            if not any(_same(each, one) for one in first)
        ]
        return (*first, *fresh)

    def covers_for(self, bare: Sequence[Finding]) -> list[Covered]:
        """Return the black boxes for what is to be covered without asking."""
        return [
            Covered(finding.kind, self._grown(finding), finding.why)
            for finding in self.to_cover(bare)
        ]

    def to_cover(self, bare: Sequence[Finding]) -> list[Finding]:
        return [
            finding for finding in bare if finding.answer is Answer.FOUND or self.held == "cover"
        ]

    def visible(self, covered: Sequence[Covered]) -> float:
        """Return the share of the picture that the copy still shows."""
        boxes = [each.box for each in covered]
        whole = Region(0, 0, *self.size)
        return 1 - redact.shares_hidden([whole], covered=boxes, kept=self.keep, size=self.size)[0]

    def to_settle(self, bare: Sequence[Finding]) -> tuple[Finding, ...]:
        if self.held == "cover":
            return ()
        return tuple(dict.fromkeys(finding for finding in bare if finding.answer is Answer.HELD))

    def _grown(self, finding: Finding) -> Region:
        share = MARGINS.get(finding.kind, USUAL_MARGIN)
        return redact.with_margin(_box(finding), share, within=self.size)


@dataclass(frozen=True, slots=True)
class _Look:
    """A finished copy and what was found on it."""

    pixels: Pixels
    copy: bytes
    seen: Pixels
    """What another decoder than the writer's makes of the copy."""
    after: Report
    found: list[Finding]
    """All that was seen there, in the size of the original."""
    bare: list[Finding]


def _look(wish: _Wish, covered: Sequence[Covered], detectors: Detectors) -> _Look:
    """Finish the copy with these covers, and look at what another decoder makes of it."""
    pixels = wish.finished(covered)
    copy = _encoded(pixels, wish.file_format)
    seen = decoded_copy(copy)
    after = detect.find(seen, detectors=detectors, scales=detect.AGAIN)
    found = _in_size(after.in_pixels, seen, wish.size)
    return _Look(pixels, copy, seen, after, found, wish.bare(found, covered))


def _in_size(findings: Iterable[Finding], seen: Pixels, size: tuple[int, int]) -> list[Finding]:
    """Return what was found on `seen` with boxes in a picture of that (width, height), rounded outwards."""
    across, down = size[0] / seen.shape[1], size[1] / seen.shape[0]

    def moved(box: Region) -> Region:
        x, y = int(box.x * across), int(box.y * down)
        right = min(size[0], math.ceil((box.x + box.width) * across))
        bottom = min(size[1], math.ceil((box.y + box.height) * down))
        return Region(x, y, right - x, bottom - y)

    return [
        replace(
            finding,
            box=finding.box and moved(finding.box),
            core=finding.core and moved(finding.core),
        )
        for finding in findings
    ]


def _same(finding: Finding, other: Finding) -> bool:
    return finding.kind == other.kind and _box(finding).overlap(_box(other)) > 0


def _box(finding: Finding) -> Region:
    if finding.box is None:
        raise ValueError("a finding in the file has no box")
    return finding.box


def _encoded(pixels: Pixels, file_format: Literal["jpeg", "png"]) -> bytes:
    return files.encode_png(pixels) if file_format == "png" else files.encode_jpeg(pixels)


def decoded_copy(copy: bytes) -> Pixels:
    """Return what another decoder than the writer's makes of our own file; ValueError if nothing."""
    seen = audit.second_look(copy)
    if seen is None:
        raise ValueError("not a picture of ours")
    return seen


def _answers(before: Report, after: Report, visible: Sequence[Finding]) -> dict[str, Answer]:
    """Return each detector's answer on the finished copy, what is hidden there left out."""
    answers = {}
    for kind, said in after.answers.items():
        there = {finding.answer for finding in visible if finding.kind == kind}
        if Answer.FAILED in (said, before.answers.get(kind)):
            answers[kind] = Answer.FAILED
        elif Answer.FOUND in there:
            answers[kind] = Answer.FOUND
        else:
            answers[kind] = Answer.HELD if there or kind in after.unseen else Answer.NONE
    return answers


def _problems(
    copy: bytes, pixels: Pixels, *, seen: Pixels | None = None, unlocked: bool
) -> tuple[str, ...]:
    """Return what is wrong with the file itself; nothing, as a rule."""
    problems = []
    try:
        audit.account(copy, pixels=pixels, seen=seen)
    except audit.NotAccounted:
        problems.append("the copy holds something that is not accounted for")
    try:
        again = files.decode(copy, max_side=OPENED_SIDE, unlocked=unlocked)
    except files.PictureRefused:
        return (*problems, "the copy can't be opened again")
    if again.file_findings:
        problems.append("the copy says more than its pixels")
    return tuple(problems)
