"""Parts of the body, as a clinic names them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Site:
    """A part of the body. An intimate one asks more before a child's picture (GUIDANCE, practice)."""

    name: str
    group: str
    intimate: bool = False


HEAD = "Head and neck"


def _both_sides(group: str, *names: str) -> tuple[Site, ...]:
    return tuple(Site(f"{side} {name}", group) for name in names for side in ("Left", "Right"))


SITES: tuple[Site, ...] = (
    *_both_sides("Leg", "lower leg", "knee", "thigh", "foot"),
    *_both_sides("Arm", "forearm", "hand", "upper arm", "shoulder"),
    *(Site(name, HEAD) for name in ("Face", "Scalp", "Neck", "Mouth")),
    *_both_sides(HEAD, "ear", "eye"),
    *(Site(name, "Body") for name in ("Chest", "Belly", "Upper back", "Lower back")),
    *(
        Site(name, "Private", intimate=True)
        for name in ("Left breast", "Right breast", "Groin", "Bottom", "Genitals")
    ),
)
BY_NAME = {site.name: site for site in SITES}


def group_of(name: str) -> str:
    """Return the group that the part stands in; nothing for one that nobody knows."""
    site = BY_NAME.get(name)
    return site.group if site else ""


def is_intimate(name: str) -> bool:
    """Say whether the part is intimate. A part that nobody knows is treated as one."""
    site = BY_NAME.get(name)
    return site is None or site.intimate
