"""What a campaign found, and how it is told."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Outcome:
    """What was tried, what was bad, and whether each planted mistake was found."""

    name: str
    tried: int = 0
    bad: list[str] = field(default_factory=list)
    found: dict[str, int] = field(default_factory=dict)
    """Planted mistake to how many trials told of it; 0 is a campaign that is blind to it."""
    figures: dict[str, int] = field(default_factory=dict)
    """What else was counted."""

    @property
    def holds(self) -> bool:
        """Say whether anything was tried, nothing was bad, and every planted mistake was found."""
        return self.tried > 0 and not self.bad and all(self.found.values())

    def count(self, what: str, more: int = 1) -> None:
        """Count something beside the trials."""
        self.figures[what] = self.figures.get(what, 0) + more

    def as_text(self) -> str:
        """Return it for a person."""
        lines = [f"{self.name}: {self.tried:,} tried, {len(self.bad):,} bad"]
        lines += [f"  {what}: {number:,}" for what, number in sorted(self.figures.items())]
        lines += [f"  planted {name}: {_said(n)}" for name, n in sorted(self.found.items())]
        lines += [f"  BAD {n} × {line}" for line, n in Counter(self.bad).most_common(20)]
        return "\n".join(lines)

    def as_json(self) -> str:
        """Return it for a machine."""
        said: Mapping[str, object] = {
            "campaign": self.name,
            "tried": self.tried,
            "bad": self.bad,
            "planted": self.found,
            "figures": self.figures,
        }
        return json.dumps(said)


def _said(found: int) -> str:
    return f"found by {found:,} trials" if found else "NOT FOUND"


class Clock:
    """How long a campaign may still go on; what was reached by then is what it reports."""

    def __init__(self, minutes: float) -> None:
        self._until = time.monotonic() + minutes * 60

    @property
    def ran_out(self) -> bool:
        """Say whether the time is over."""
        return time.monotonic() >= self._until
