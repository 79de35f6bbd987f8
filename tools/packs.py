"""Write down which policy packs come with Safelight, as `load_pack` will demand them.

usage: python -m tools.packs
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

PACKS = Path(__file__).parent.parent / "src/safelight/policy/packs"
SUMS = PACKS / "SHA256SUMS"


def sums() -> str:
    """Return a line for each file of each pack: rules, periods, sheets; as `sha256sum` writes and checks them."""
    found = sorted(PACKS.rglob("*.toml"))
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(PACKS).as_posix()}\n"
        for path in found
    ]
    return "".join(lines)


if __name__ == "__main__":
    SUMS.write_text(sums(), encoding="utf-8")
    sys.stdout.write(SUMS.read_text(encoding="utf-8"))
