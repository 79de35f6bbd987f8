"""Write docs/reference/decisions.md from the pack and from the cells that tests hold it to.

usage: python -m tools.decisions
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
if str(ROOT / "tests") not in sys.path:
    sys.path.append(str(ROOT / "tests"))

from safelight import policy  # noqa: E402
from safelight.policy.differing import when_in_words  # noqa: E402
from unit.policy.tables import MAKING, USING, Case, Row  # noqa: E402

DOCUMENT = ROOT / "docs/reference/decisions.md"
WORDS = {"permit": "permitted", "hold": "on hold", "refuse": "not permitted"}
HEAD = """# Decisions, cell by cell

Both tables of the guidance as the pack for England decides them. This page is written by `tools/decisions.py` from the pack and from `tests/unit/policy/tables.py`; `test_the_cell_holds` runs every case, and `test_the_document_is_what_pack_and_cells_say` fails where this page says anything else. How the facts are written: [decide](decide.md). What a rule is made of: [packs](packs.md). Nothing here is legal advice.

"""


def text() -> str:
    """Return the document."""
    pack = policy.load_pack("england")
    making = "".join(_row(row, pack) for row in MAKING)
    using = "".join(_row(row, pack) for row in USING)
    rules = "".join(_rule(rule, pack) for rule in pack.rules)
    return (
        f"{HEAD}Pack: {pack.id}, SHA-256 `{pack.hash}`.\n\n"
        f"## May we make the recording?\n\n{making}"
        f"## May we use or disclose an existing recording?\n\n{using}"
        "## Every rule of the pack\n\n"
        "| rule | says | for | requires that | source |\n|---|---|---|---|---|\n"
        f"{rules}"
    )


def _row(row: Row, pack: policy.Pack) -> str:
    title = f"{row.who}: {row.what}" if row.who else row.what
    lines = [f"### {row.id}\n\n{title}. {row.source}\n\n"]
    several = len(row.cells) > 1
    head = "| | case | answer | by | source |" if several else "| case | answer | by | source |"
    lines.append(f"{head}\n{'|---' * (5 if several else 4)}|\n")
    for column, cases in row.cells.items():
        for case in cases:
            first = f"| {column} " if several else ""
            lines.append(f"{first}{_case(case, pack)}\n")
        if not cases:
            lines.append(f"| {column} | — | — | — | — |\n")
    return "".join([*lines, "\n"])


def _case(case: Case, pack: policy.Pack) -> str:
    answer = policy.decide(case.facts, pack=pack)
    source = next(each.source for each in answer.because if each.rule == case.rule)
    return f"| {case.what} | {WORDS[answer.outcome]} | `{case.rule}` | {source} |"


def _rule(rule: policy.Rule, pack: policy.Pack) -> str:
    kind = "demands" if rule.is_guard else "permits"
    requires = "; ".join(rule.requires.values()) or "—"
    return (
        f"| `{rule.id}`, {kind} | {rule.text} | {when_in_words(rule, pack)} "
        f"| {requires} | {rule.source} |\n"
    )


if __name__ == "__main__":
    DOCUMENT.write_text(text(), encoding="utf-8")
    sys.stdout.write(f"{DOCUMENT.relative_to(ROOT)}\n")
