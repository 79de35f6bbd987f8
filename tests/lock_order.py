"""Watches the order in which a transaction locks rows, so that no two acts can wait for each other.

`safelight.records.locks` says the order. Only PostgreSQL's statements show locks, so it looks there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.apps import apps

_CHANGED = re.compile(r'^\s*(?:UPDATE|DELETE FROM)\s+"(\w+)"')
_LOCKED = re.compile(r'FROM "(\w+)".*FOR (?:NO KEY )?UPDATE', re.DOTALL)
_HEAD, _PATIENT = "records_treehead", "records_patient"
_OF_NO_PATIENT = frozenset(
    {"records_practice", "records_staff", "records_packversion", "records_publisher"}
)
"""What is locked before the head and never behind a patient."""
_LAST = frozenset({"records_outgoingmail", "records_ledgerentry", "records_checkpoint", _HEAD})


def _is_watched(table: str) -> bool:
    return table in {model._meta.db_table for model in apps.get_app_config("records").get_models()}


class LockOrder:
    """Follows one connection. `broken` tells what was locked against the order."""

    def __init__(self) -> None:
        self.broken: list[str] = []
        self._depth = 0
        self._forget()

    def __call__(
        self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any
    ) -> Any:
        self._see(str(sql))
        return execute(sql, params, many, context)

    def _forget(self) -> None:
        self._held: list[str] = []

    def _see(self, sql: str) -> None:
        if sql.startswith("SAVEPOINT"):
            self._depth += 1
        elif sql.startswith("RELEASE SAVEPOINT"):
            self._depth -= 1
            if self._depth == 0:
                self._judge()
        elif self._depth and (found := _CHANGED.search(sql) or _LOCKED.search(sql)):
            self._held.append(found[1])

    def _judge(self) -> None:
        """Judge one act as a whole, now that it has ended."""
        held = list(dict.fromkeys(self._held))
        self._forget()
        if _HEAD not in held:
            return
        head = held.index(_HEAD)
        for place, table in enumerate(held):
            if table in _LAST or table == _PATIENT or not _is_watched(table):
                continue
            if table in _OF_NO_PATIENT:
                if place > head:
                    self.broken.append(f"{table} after the ledger's head")
            elif _PATIENT not in held[:place]:
                self.broken.append(f"{table} without its patient before it")
        if _PATIENT in held[head:]:
            self.broken.append("the patient after the ledger's head")
