"""One thing that a text tells, and where in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

Span = tuple[int, int]
"""Where it begins in the text, in characters, and where it has ended."""


@dataclass(frozen=True, slots=True)
class Detail:
    """A detail as it stands in the text, and as `expose` reads it."""

    kind: str
    """A fact of `expose`, "mark", "not" for a place ruled out, or "unmapped"."""
    text: str
    span: Span
    value: Any

    def as_json(self) -> dict[str, Any]:
        """Return the detail as `safelight details` writes it."""
        return {"kind": self.kind, "text": self.text, "at": list(self.span), "value": self.value}


def is_free(span: Span, taken: Iterable[Span]) -> bool:
    """Say whether nothing has been read there yet."""
    return all(span[1] <= start or end <= span[0] for start, end in taken)
