"""Say which lines and branches of the core and the flows no test ran.

usage: python -m tools.covered COVERAGE.json

`./run check` measures and then runs this. A line that can only run elsewhere (in the locked process,
in a forked child) says so beside `# pragma: no cover`.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

WHOLE = re.compile(r"src/safelight/(terms|policy|detect|redact|exposure|vault|ledger|flows)\b")


def shortfalls(measured: dict[str, dict[str, dict[str, list[object]]]]) -> list[str]:
    """Return a line for each file of the core and the flows that isn't covered whole."""
    short = []
    for name, file in sorted(measured["files"].items()):
        lines, branches = file["missing_lines"], file.get("missing_branches", [])
        if WHOLE.match(name) and (lines or branches):
            short.append(f"{name}: lines {lines or 'all'}, branches {branches or 'all'}")
    return short


def main(words: list[str]) -> int:
    """Print the shortfalls and return 1 if there are any."""
    if len(words) != 1:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    short = shortfalls(json.loads(Path(words[0]).read_text(encoding="utf-8")))
    said = short or ["covered: every line and branch of the core and the flows"]
    sys.stdout.write("\n".join(said) + "\n")
    return 1 if short else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
