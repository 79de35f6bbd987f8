"""What has to be done again and again, by whoever runs: the worker, or the demo's thread.

Each step is safe to repeat and to run twice at once; one that fails doesn't keep the others.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from safelight.flows import keeping, mailing

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Round:
    """How a round went: the steps that were done, and those that failed, by name."""

    done: tuple[str, ...]
    failed: tuple[str, ...]


def go(*, now: datetime, transport: mailing.Transport | None) -> Round:
    """Do everything that is due. Without a transport mail stays where it is."""
    steps: dict[str, Callable[[], object]] = {
        "orphans": lambda: keeping.sweep(now=now),
    }
    if transport is not None:
        steps["mail"] = lambda: mailing.send_waiting(transport=transport, now=now)
    done, failed = [], []
    for name, step in steps.items():
        try:
            step()
        except Exception:
            log.exception("step %s failed", name)
            failed.append(name)
        else:
            done.append(name)
    return Round(tuple(done), tuple(failed))
