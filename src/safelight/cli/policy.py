"""`safelight policy`: check, compare, try and sign the rules before they decide anything."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safelight import policy
from safelight.cli import (
    EXIT_DONE,
    EXIT_REFUSED,
    EXIT_UNREADABLE,
    EXIT_USAGE,
    installation,
)
from safelight.policy import differing, reading, simulating

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from safelight.policy import Pack

MAX_BYTES = 256 * 1024 * 1024
"""Decisions to try a pack on; more is something else."""


class CannotRead(ValueError):
    """A file can't be read, or isn't what it should be. The message has no word of its content."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A pack, and where it came from."""

    pack: Pack
    path: Path | None


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what to do with which pack."""
    deeds = parser.add_subparsers(dest="deed", required=True, metavar="DEED")
    known = deeds.add_parser("list", help="the packs that come with Safelight")
    show = deeds.add_parser("show", help="every rule of a pack in words")
    check = deeds.add_parser("check", help="is it whole, understood, and signed by whom?")
    diff = deeds.add_parser("diff", help="what differs between two packs, in words")
    simulate = deeds.add_parser("simulate", help="which decisions already taken would change")
    sign = deeds.add_parser("sign", help="sign a pack with an Ed25519 key")
    for each in (show, check, simulate, sign):
        each.add_argument("pack", metavar="PACK", help="a name, or a file pack.toml")
    check.add_argument("--guards", type=Path, metavar="FILE", help="a practice's own rules, too")
    check.add_argument("--signature", type=Path, metavar="FILE", help="default: PACK.sig")
    check.add_argument("--publisher", action="append", default=[], metavar="KEY")
    diff.add_argument("old", metavar="OLD")
    diff.add_argument("new", metavar="NEW")
    simulate.add_argument("--decisions", metavar="FILE|-", help="JSON lines: id, facts, decision")
    simulate.add_argument("--guards", type=Path, metavar="FILE", help="a practice's own rules, too")
    installation.arguments(simulate)
    simulate.add_argument("--now", default="england", metavar="PACK", help="the pack in force")
    sign.add_argument("--key", type=Path, required=True, metavar="FILE", help="PEM, PKCS#8")
    sign.add_argument("--publisher", required=True, metavar="NAME", help="without spaces")
    for each in (known, show, check, diff, simulate):
        each.add_argument("--json", action="store_true")


def run(args: argparse.Namespace) -> int:
    """Do it: a pack that can't be used or isn't signed by whom it should be exits 3."""
    deeds = {
        "list": _list,
        "show": _show,
        "check": _check,
        "diff": _diff,
        "simulate": _simulate,
        "sign": _sign,
    }
    try:
        return deeds[args.deed](args)
    except CannotRead as error:
        print(f"could not read: {error}", file=sys.stderr)
        return EXIT_UNREADABLE
    except policy.PackRefused as error:
        if getattr(args, "json", False):
            print(json.dumps({"ok": False, "error": str(error)}, ensure_ascii=False))
        print(f"the pack can't be used: {error}", file=sys.stderr)
        return EXIT_REFUSED


def _list(args: argparse.Namespace) -> int:
    for name in reading.shipped_names():
        _tell_pack(policy.load_pack(name), as_json=args.json)
    return EXIT_DONE


def _show(args: argparse.Namespace) -> int:
    pack = _pack(args.pack).pack
    if args.json:
        for rule in pack.rules:
            print(json.dumps(_rule(rule, pack), ensure_ascii=False))
        return EXIT_DONE
    _tell_pack(pack, as_json=False)
    for rule in pack.rules:
        print(f"\n{'Demands' if rule.is_guard else 'Permits'}: {rule.text}  [{rule.id}]")
        print(f"  For: {differing.when_in_words(rule, pack)}")
        for says in rule.requires.values():
            print(f"  Requires that {says}")
        print(f"  Source: {rule.source}")
    return EXIT_DONE


def _check(args: argparse.Namespace) -> int:
    found = _pack(args.pack)
    pack = found.pack
    if args.guards is not None:
        pack = pack.with_guards(_text(args.guards))
    said = {"ok": True, **_about(pack), "signed_by": None}
    signature = args.signature
    if signature is None and found.path is not None:
        beside = found.path.with_name(found.path.name + ".sig")
        signature = beside if beside.is_file() else None
    wrong = None
    if signature is not None or args.publisher:
        try:
            said["signed_by"] = _publisher(found.pack, signature, args.publisher)
        except ValueError as error:
            said["ok"], wrong = False, str(error)
    if args.json:
        print(json.dumps(said | ({"error": wrong} if wrong else {}), ensure_ascii=False))
    else:
        _tell_pack(pack, as_json=False)
        print(_signature_in_words(said["signed_by"], found.path))
    if wrong is not None:
        print(f"the signature doesn't fit: {wrong}", file=sys.stderr)
    return EXIT_DONE if wrong is None else EXIT_REFUSED


def _publisher(pack: Pack, signature: Path | None, keys: list[str]) -> str:
    """Return the name of the given publisher who signed it. Raises ValueError, CannotRead."""
    from safelight.policy import signing

    if signature is None:
        raise ValueError("there is no signature")
    if not keys:
        raise ValueError("say whose key to trust, with --publisher")
    trusted = [signing.Publisher.from_text(key) for key in keys]
    return signing.signed_by(_text(signature), pack=pack, trusted=trusted).name


def _signature_in_words(publisher: object, path: Path | None) -> str:
    if publisher is not None:
        return f"Signed by {publisher}."
    if path is None:
        return "It came with Safelight and is as it came; it has no signature of its own."
    return "Whole and understood. Not checked: who published it."


def _diff(args: argparse.Namespace) -> int:
    old, new = _pack(args.old).pack, _pack(args.new).pack
    found = differing.differences(old, new)
    if args.json:
        for each in found:
            print(json.dumps(each.as_json(), ensure_ascii=False))
        return EXIT_DONE
    print(f"From {old.id} ({old.hash[:12]}) to {new.id} ({new.hash[:12]})")
    if not found:
        print("Nothing that decides differs.")
    marks = {"looser": "LOOSER ", "tighter": "tighter", "other": "       "}
    for each in found:
        print(f"  {marks[each.effect]}  {each.text}")
    return EXIT_DONE


def _simulate(args: argparse.Namespace) -> int:
    pack = _pack(args.pack).pack
    if args.guards is not None:
        pack = pack.with_guards(_text(args.guards))
    if args.decisions is None:
        try:
            decisions = list(_kept(args))
        except installation.NotInstalled as error:
            print(f"{error.for_people}, or decisions: --decisions FILE", file=sys.stderr)
            return EXIT_USAGE
        except ValueError as error:
            print(f"The settings don't fit: {error}", file=sys.stderr)
            return EXIT_USAGE
    else:
        decisions = list(_taken(args.decisions, _pack(args.now).pack))
    found = simulating.simulate(decisions, pack=pack)
    if args.json:
        for change in found.changes:
            print(json.dumps(change.as_json(), ensure_ascii=False))
        print(json.dumps({"decisions": found.decisions, "changed": found.changed, "pack": pack.id}))
        return EXIT_DONE
    print(found.text)
    for change in found.changes:
        print(f"  {change.taken.id}  {change.text}")
    return EXIT_DONE


def _kept(args: argparse.Namespace) -> Iterator[simulating.Taken]:
    """Return what the installation has kept of its own decisions."""
    installation.set_up(args)
    from django.utils import timezone

    from safelight.flows import taken

    return taken.of_every_practice(now=timezone.now())


def _taken(source: str, in_force: Pack) -> Iterator[simulating.Taken]:
    """Read decisions; one that doesn't say what it was is taken by the pack in force."""
    for number, line in enumerate(_lines(source), start=1):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            raise CannotRead(f"line {number} is not JSON") from None
        if not isinstance(row, dict) or not isinstance(row.get("facts"), dict):
            raise CannotRead(f"line {number} has no facts")
        was = row.get("decision") or policy.decide(row["facts"], pack=in_force).outcome
        times = row.get("times", 1)
        if was not in simulating.OUTCOMES or type(times) is not int or times < 1:
            raise CannotRead(f"line {number}: decision is permit, hold or refuse; times a number")
        yield simulating.Taken(str(row.get("id", number)), row["facts"], was, times)


def _lines(source: str) -> list[str]:
    if source == "-":
        data = sys.stdin.buffer.read(MAX_BYTES + 1)
    else:
        data = _bytes(Path(source), most=MAX_BYTES)
    if len(data) > MAX_BYTES:
        raise CannotRead("more than 256 MiB are not decisions to try a pack on")
    try:
        return [line for line in data.decode("utf-8-sig").splitlines() if line.strip()]
    except UnicodeDecodeError:
        raise CannotRead("not UTF-8 text") from None


def _sign(args: argparse.Namespace) -> int:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    from safelight.policy import signing

    found = _pack(args.pack)
    if found.path is None:
        print("name the file to sign, not a pack that came with Safelight", file=sys.stderr)
        return EXIT_USAGE
    try:
        key = load_pem_private_key(_bytes(args.key), password=None)
    except (ValueError, TypeError):
        raise CannotRead("the key is not a PEM file without a password") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise CannotRead("the key is not an Ed25519 key")
    try:
        note, publisher = signing.sign(
            found.pack, name=args.publisher, seed=key.private_bytes_raw()
        )
    except signing.SignatureRefused as error:
        print(str(error), file=sys.stderr)
        return EXIT_USAGE
    beside = found.path.with_name(found.path.name + ".sig")
    beside.write_text(note, encoding="utf-8")
    print(f"signed: {beside.name}. Others verify with this key:", file=sys.stderr)
    print(publisher.text())
    return EXIT_DONE


def _pack(said: str) -> _Read:
    """Return the pack of that name, or the one in that file. Raises PackRefused, CannotRead."""
    if said in reading.shipped_names():
        return _Read(policy.load_pack(said), None)
    path = Path(said)
    if path.is_dir():
        path /= "pack.toml"
    return _Read(policy.read_pack(_bytes(path)), path)


def _bytes(path: Path, *, most: int = 2_000_000) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(most + 1)
    except OSError as error:
        raise CannotRead(f"{path.name}: {error.strerror or 'the file'}") from None


def _text(path: Path) -> str:
    try:
        return _bytes(path).decode("utf-8")
    except UnicodeDecodeError:
        raise CannotRead(f"{path.name}: not UTF-8 text") from None


def _about(pack: Pack) -> dict[str, Any]:
    return {
        "id": pack.id,
        "name": pack.name,
        "hash": pack.hash,
        "effective_from": pack.effective_from.isoformat(),
        "rules": len(pack.rules),
    }


def _tell_pack(pack: Pack, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(_about(pack)))
        return
    print(
        f"{pack.id} ({pack.called}), from {pack.effective_from.isoformat()}, "
        f"{len(pack.rules)} rules, SHA-256 {pack.hash}"
    )


def _rule(rule: Any, pack: Pack) -> dict[str, Any]:
    return {
        "id": rule.id,
        "kind": "guard" if rule.is_guard else "basis",
        "text": rule.text,
        "for": differing.when_in_words(rule, pack),
        "requires": rule.requires,
        "source": rule.source,
    }
