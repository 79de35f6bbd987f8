"""A first look at a picture that was just taken: what in it tells who it is, while another can be taken.

A machine looks, nobody is shown anything, and nothing of the answer is kept. It sees less than the
look before a copy (`detect.QUICK`), and its silence says nothing.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from safelight.flows import pictures
from safelight.flows.allowed import demand
from safelight.flows.opening import VIEW, PictureClosed, unsealed
from safelight.flows.sites import HEAD, group_of
from safelight.interop.pictures import LockUnavailable, PictureRefused
from safelight.policy.roles import Action
from safelight.storage import StorageError
from safelight.terms import Answer
from safelight.vault import VaultError

if TYPE_CHECKING:
    from safelight.detect import Finding
    from safelight.flows.pictures import Inspected
    from safelight.records.models import Photo, Staff

NAMELIKE = 0.08
"""Of the picture's width: a narrower piece of writing is a ruler's figure rather than a name."""


class Told(StrEnum):
    """What a first look may see."""

    FACE = "face"
    PERSON = "person"
    TATTOO = "tattoo"
    SCREEN = "screen"
    CODE = "code"
    TEXT = "text"


NEVER_SURE = frozenset({Told.TATTOO})
"""Of which the detector never says more than that it may be one."""


class NotLooked(Exception):
    """Nobody looked: the picture could not be opened, or a detector failed."""


def at_taken(photo: Photo, *, by: Staff) -> tuple[Told, ...]:
    """Return what seems to be in the picture, most telling first. Raises NotLooked."""
    demand(by, Action.CAPTURE, photo)
    try:
        seen = pictures.inspect(unsealed(photo, size=VIEW), quick=True)
    except (
        PictureClosed,
        VaultError,
        StorageError,
        PictureRefused,
        LockUnavailable,
    ) as error:
        raise NotLooked(type(error).__name__) from error
    if Answer.FAILED in seen.report.answers.values():
        raise NotLooked("a detector failed")
    there = {finding.kind for finding in seen.report.findings if _tells(finding, seen)}
    if group_of(photo.body_site) == HEAD:
        there.discard(Told.FACE)  # it is what was to be taken
    return tuple(each for each in Told if each in there)


def _tells(finding: Finding, seen: Inspected) -> bool:
    is_told = finding.answer is Answer.FOUND or finding.kind in NEVER_SURE
    if not is_told or finding.box is None:
        return False
    return finding.kind != Told.TEXT or finding.box.width >= NAMELIKE * seen.width
