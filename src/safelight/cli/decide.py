"""`safelight decide`: permit, hold or refuse an act, with every reason and its source."""

from __future__ import annotations

import json
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from safelight import policy
from safelight.cli import EXIT_DONE, EXIT_REFUSED, EXIT_UNREADABLE, EXIT_USAGE
from safelight.policy.facts import ACTIONS, AUDIENCES, PURPOSES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from safelight.policy import Because, Hold, Permit, Refusal

MAX_BYTES = 16 * 1024 * 1024
"""Facts have some kilobytes; more is something else, and isn't read to the end."""

MISSING = "missing"
"""The rule's name where a fact that every act has isn't said."""
WORDS_OF = {"action": ACTIONS, "purpose": PURPOSES, "audience": AUDIENCES}
HEADINGS = {"permit": "Permitted", "hold": "On hold", "refuse": "Not permitted"}


class NotFacts(ValueError):
    """What was given is not one JSON object. The message has no word of what stands in it."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `safelight decide`."""
    parser.add_argument("file", metavar="FILE|-", help="one JSON object: the facts of the act")
    parser.add_argument("--pack", default="england", metavar="NAME", help="rules to decide by")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(args: argparse.Namespace) -> int:
    """Decide about one act: a permit exits 0, a hold or refusal 3."""
    try:
        pack = policy.load_pack(args.pack)
    except policy.PackRefused as error:
        print(f"can't decide by that pack: {error}", file=sys.stderr)
        return EXIT_USAGE
    try:
        facts = read_facts(args.file)
    except OSError as error:
        print(f"could not read: {error.strerror or 'the file'}", file=sys.stderr)
        return EXIT_UNREADABLE
    except NotFacts as error:
        print(f"could not read: {error}", file=sys.stderr)
        return EXIT_UNREADABLE
    answer = policy.decide(facts, pack=pack)
    print(
        json.dumps(answer.as_json())
        if args.json
        else "\n".join(told(answer, sources=pack.terms.sources))
    )
    return EXIT_DONE if answer.outcome == "permit" else EXIT_REFUSED


def read_facts(source: str) -> dict[str, Any]:
    """Return the JSON object in a file, or on standard input for "-". Raises NotFacts, OSError."""
    if source == "-":
        data = sys.stdin.buffer.read(MAX_BYTES + 1)
    else:
        with Path(source).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise NotFacts("more than 16 MiB are not the facts of one act")
    return _object(data)


def told(answer: Permit | Hold | Refusal, *, sources: Mapping[str, str]) -> list[str]:
    """Return the lines of an answer for people, each fit for any terminal.

    sources: the pack's short names, spelt out.
    """
    lines = [HEADINGS[answer.outcome], ""]
    for number, reason in enumerate(answer.because, start=1):
        lines += _reason(number, reason)
    lines += _list("From now on", answer.conditions)
    lines += _list("Write down", answer.record)
    lines += _list("Decide again from", answer.reevaluate_on)
    lines += _legend(answer, sources)
    lines += [f"Decided by {answer.pack.id} ({answer.pack.hash[:12]}). This is not legal advice."]
    return [_printable(line) for line in lines]


def _object(data: bytes) -> dict[str, Any]:
    try:
        facts = json.loads(
            data.decode("utf-8-sig"), object_pairs_hook=_fields, parse_constant=_no_number
        )
    except UnicodeDecodeError:
        raise NotFacts("not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise NotFacts(f"not JSON (line {error.lineno}, column {error.colno})") from None
    except RecursionError:
        raise NotFacts("nested too deeply for the facts of one act") from None
    except NotFacts:
        raise
    except ValueError:
        raise NotFacts("not JSON: a number is too long") from None
    if not isinstance(facts, dict):
        raise NotFacts("not a JSON object: the facts of one act are one object")
    return facts


def _fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object, unless it says two things under one name."""
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise NotFacts("an object has the same field twice")
    return fields


def _no_number(_: str) -> NoReturn:
    raise NotFacts("not JSON: NaN and Infinity are no numbers")


def _reason(number: int, reason: Because) -> list[str]:
    lead = f"{number}. "
    lines = textwrap.wrap(reason.text, 88, initial_indent=lead, subsequent_indent=" " * len(lead))
    lines.append(f"   Source: {reason.source}")
    if reason.rule == MISSING:
        lines += _to_say(reason)
    elif reason.needs is not None:
        lines += _need(reason.needs.field, reason.needs.value)
    return [*lines, ""]


def _to_say(reason: Because) -> list[str]:
    field = reason.needs.field if reason.needs else ""
    words = WORDS_OF.get(field)
    return [f"   One of: {', '.join(sorted(words))}"] if words else [f"   Say it: {field}"]


def _need(field: str, value: Any) -> list[str]:
    if value is None:
        return [f"   Depends on: {field}"]
    return [f"   Would change it: {field} = {json.dumps(value, ensure_ascii=False)}"]


def _list(heading: str, items: tuple[str, ...]) -> list[str]:
    if not items:
        return []
    return [heading, *(f"  - {each}" for each in items), ""]


def _legend(answer: Permit | Hold | Refusal, sources: Mapping[str, str]) -> list[str]:
    names = [name for name in sources if any(name in each.source for each in answer.because)]
    width = max(map(len, names), default=0)
    lines = [f"  {name:<{width}}  {sources[name]}" for name in names]
    return ["Sources", *lines, ""] if lines else []


def _printable(line: str) -> str:
    """Return the line without anything that a terminal would obey."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in line)
