"""What the editor sent, and what it shows again when the copy wasn't fit: nothing decided is lost."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from safelight.flows.allowed import DoesNotFit
from safelight.flows.copies import TICKS, Wishes
from safelight.flows.leaving import Leave
from safelight.terms import Region, RegionOutsideImage

if TYPE_CHECKING:
    from django.http import QueryDict

MOST_BOXES = 200
DRAWN_ANEW = "Load the page again, and draw the boxes once more"
TICK = "tick-"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why there is no copy yet, in words, and the place on the page where it is put right."""

    text: str
    anchor: str = ""


def wishes(sent: QueryDict, *, ticked: Sequence[str]) -> Wishes:
    """Return what the person decided. Raises DoesNotFit for boxes that the editor didn't write."""
    return Wishes(
        keep=_boxes(sent, "keep"),
        cover=_boxes(sent, "cover"),
        leave=_left(sent),
        ticked=frozenset(ticked),
    )


def resumed(
    sent: QueryDict, begun: Mapping[str, Any], again: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Return what the editor shows after a copy that wasn't fit: all that was decided.

    again: what the check of the finished copy held or still saw; it was not on the picture before.
    """
    try:
        keep, cover = ([box.as_list() for box in _boxes(sent, name)] for name in ("keep", "cover"))
        leave = [(each.kind, each.box.as_list()) for each in _left(sent)]
    except (DoesNotFit, RegionOutsideImage):
        keep, cover, leave = [], [], []
    findings = begun["findings"]
    known = [_named(each) for each in findings]
    more = [each for each in leave if each not in known]
    left = [
        {
            "id": f"left-{number}",
            "kind": kind,
            "why": "left in before",
            "box": box,
            "answer": "held",
        }
        for number, (kind, box) in enumerate(more, start=1)
    ]
    new = [each for each in again if _named(each) not in known + leave]
    settled = {each["id"]: "leave" for each in left}
    settled |= {each["id"]: "cover" for each in findings if each["box"] in cover}
    settled |= {each["id"]: "leave" for each in findings if _named(each) in leave}
    boxes = [each["box"] for each in findings]
    return {
        **begun,
        "findings": [*findings, *left, *new],
        "keep": keep,
        "cover": [box for box in cover if box not in boxes],
        "settled": settled,
    }


def to_do(review: Mapping[str, Any], *, again: Sequence[dict[str, Any]]) -> list[Problem]:
    """Return what is open in the editor, each by its number there, and what the check of the copy added."""
    new = {each["id"] for each in again}
    found = []
    for number, each in enumerate(review["findings"], start=1):
        if each["box"] is None or each["id"] in review.get("settled", {}):
            continue
        more = "" if each["why"] == each["kind"] else f": {each['why']}"
        name = f"{number}, {each['kind']}{more}."
        anchor = f"finding-{each['id']}"
        if each["answer"] == "held" and not each.get("fixed"):
            found.append(Problem(f"{name} Choose “Cover” or “Leave in”", anchor))
        elif each["id"] in new:
            found.append(Problem(f"{name} It is covered now", anchor))
    return found


def unfit(fields: Mapping[str, str]) -> list[Problem]:
    """Return what the flow asks for; a tick that is missing leads to its box."""
    places = {f"{TICK}{key}": f"id_ticked_{number}" for number, key in enumerate(TICKS)}
    return [Problem(text, places.get(name, "")) for name, text in fields.items()]


def _named(finding: Mapping[str, Any]) -> tuple[str, list[int]]:
    return finding["kind"], finding["box"]


def _left(sent: QueryDict) -> tuple[Leave, ...]:
    """Return what was left in, each as what it was found to be. Raises DoesNotFit unless each has its kind."""
    boxes, kinds = _boxes(sent, "leave"), _listed(sent, "left_as")
    if len(kinds) != len(boxes) or not all(isinstance(kind, str) for kind in kinds):
        raise DoesNotFit({"left_as": DRAWN_ANEW})
    return tuple(Leave(box, kind) for box, kind in zip(boxes, kinds, strict=True))


def _boxes(sent: QueryDict, name: str) -> tuple[Region, ...]:
    """Return the boxes that the editor wrote. Raises DoesNotFit for anything else."""
    try:
        return tuple(Region(*(int(side) for side in box)) for box in _listed(sent, name))
    except RegionOutsideImage:
        raise
    except (TypeError, ValueError, OverflowError) as error:
        raise DoesNotFit({name: DRAWN_ANEW}) from error


def _listed(sent: QueryDict, name: str) -> list[Any]:
    try:
        listed = json.loads(sent.get(name) or "[]")
        if not isinstance(listed, list) or len(listed) > MOST_BOXES:
            raise ValueError
    except (ValueError, RecursionError) as error:
        raise DoesNotFit({name: DRAWN_ANEW}) from error
    return listed
