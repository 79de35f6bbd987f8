"""Bytes that somebody altered."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def alter_end(path: Path) -> None:
    """Make the file's last byte another one, whatever it was."""
    kept = path.read_bytes()
    path.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
