"""`safelight erase image|patient|consent ID`: destroy for good, with a certificate."""

from __future__ import annotations

import argparse
import json
import sys
import uuid
from typing import TYPE_CHECKING, Any

from safelight.cli import (
    EXIT_DONE,
    EXIT_OTHER,
    EXIT_REFUSED,
    EXIT_UNREADABLE,
    EXIT_USAGE,
    installation,
)
from safelight.cli.installation import say

if TYPE_CHECKING:
    from safelight.flows.certificates import Certificate
    from safelight.flows.destroying import Order
    from safelight.records.models import EraseJob

KINDS = {
    "image": "one picture, with every copy and link made of it",
    "patient": "everything there is of a patient, names included",
    "consent": "the pictures that rest on one consent, with its signature and words",
}
NO_REASON = "Ordered at the server’s command line"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what is erased, why, and who says so."""
    parser.add_argument(
        "what", choices=KINDS, help="; ".join(f"{k}: {v}" for k, v in KINDS.items())
    )
    parser.add_argument("id", help="the id, as it is in the page’s address")
    parser.add_argument("--because", default=NO_REASON, help="why; it is on the certificate")
    parser.add_argument("--by", metavar="EMAIL", help="the governance lead who approves it")
    parser.add_argument("--yes", action="store_true", help="don’t ask for the id again")
    parser.add_argument("--json", action="store_true", help="print the certificate as JSON")
    installation.arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Ask, erase, and print the certificate."""
    try:
        asked = uuid.UUID(args.id)
    except ValueError:
        say("That isn’t an id. It is the long number in the address of the page.")
        return EXIT_USAGE
    if not args.yes and not _is_confirmed(args.what, str(asked)):
        return EXIT_REFUSED
    if not installation.is_ready(args, needs_keys=True):
        return EXIT_USAGE
    from safelight.flows import destroying, stores

    try:
        destroying.open_stores()
        return _erase(args, asked)
    except stores.KeysAreSealed as error:
        say(error.for_people)
        return EXIT_OTHER
    finally:
        stores.close()


def _is_confirmed(what: str, asked: str) -> bool:
    """Let the person type the end of the id; without a person there is no yes."""
    if not sys.stdin.isatty():
        say("Nobody is here to confirm it. Nothing was erased; with --yes it isn’t asked.")
        return False
    say(f"This destroys {KINDS[what]}. Nobody can undo it.")
    say(f"Type the last six characters of the id to go on: …{asked[-6:]}")
    if input().strip() != asked[-6:]:
        say("That isn’t the end of the id. Nothing was erased.")
        return False
    return True


def _erase(args: argparse.Namespace, asked: uuid.UUID) -> int:
    from django.utils import timezone

    from safelight.flows import certificates, destroying

    row, found = _row(args.what, asked), _order(args)
    if row is None:
        say(f"There is no such {args.what} here.")
        return EXIT_UNREADABLE
    if isinstance(found, str):
        say(found)
        return EXIT_REFUSED
    erase: Any = {
        "image": destroying.erase_image,
        "patient": destroying.erase_patient,
        "consent": destroying.erase_consent,
    }[args.what]
    try:
        job: EraseJob = erase(row, order=found, now=timezone.now())
    except (destroying.Held, destroying.NothingToErase) as error:
        say(error.for_people)
        return EXIT_REFUSED
    except PermissionError:
        say("That person looks after another practice.")
        return EXIT_REFUSED
    _print(certificates.certificate_of(job), as_json=args.json)
    return EXIT_DONE


def _row(what: str, asked: uuid.UUID) -> Any:
    from safelight.records.models import Consent, Patient, Photo

    model: Any = {"image": Photo, "patient": Patient, "consent": Consent}[what]
    return model.objects.filter(pk=asked).first()


def _order(args: argparse.Namespace) -> Order | str:
    """Return the order, or why there is none."""
    from safelight.flows.destroying import Order
    from safelight.policy.roles import Action, may
    from safelight.records.models import EraseJob, Staff

    by = None
    if args.by is not None:
        by = Staff.objects.filter(email=args.by.strip().lower(), is_active=True).first()
        if by is None or not may(by.role, Action.GOVERN):
            return "Nobody of governance has this address. Nothing was erased."
    because = args.because.strip() or NO_REASON
    return Order(EraseJob.Basis.ERASURE, because, by)


def _print(certificate: Certificate, *, as_json: bool) -> None:
    said = certificate.as_json()
    if as_json:
        print(json.dumps(said, ensure_ascii=False))
        return
    pictures, copies = len(said["pictures"]), len(said["copies"])
    print(f"Erased: {pictures} pictures, {copies} copies, {len(said['keys'])} keys")
    print(f"Certificate {said['id']}, entry {said['ledger_index']} of the ledger")
    for text in said["limits"]:
        print(f"  Not proved: {text}")
