"""Evidence: the ledger's checkpoints, what an outside witness keeps, and whether all is whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction

from safelight import ledger
from safelight.flows import stores
from safelight.records import log
from safelight.records.models import Checkpoint, LedgerCheck, TreeHead

EVERY = timedelta(hours=1)
CHECKED_EVERY = timedelta(hours=24)


class LedgerNotWhole(RuntimeError):
    """What lies in the ledger isn't what was signed before; nothing more is signed on top of it."""

    for_people = "The ledger isn't whole. Tell the governance lead now, and change nothing."


def origin() -> str:
    """Return the ledger's name: it follows from its key, so that no two share one."""
    return f"safelight/{_key().public.hex()[:16]}"


def public_key() -> bytes:
    """Return the key by which anyone can verify a checkpoint."""
    return _key().public


def verifier_key() -> str:
    """Return the key as the text that other tools read (C2SP vkey)."""
    return ledger.verifier_key(origin(), public_key())


@transaction.atomic
def checkpoint(*, now: datetime) -> Checkpoint | None:
    """Sign the tree as it is; None while it is empty. The same tree again is the same checkpoint.

    Reads what was added since the last checkpoint: a head that doesn't follow from what was signed
    is never signed. What lies before is read by `check`, each night, and nothing is signed after
    one that found something. Raises LedgerNotWhole.
    """
    head = TreeHead.objects.select_for_update(no_key=True).filter(id=1).first()
    if head is None or head.size == 0:
        return None
    signed = Checkpoint.objects.filter(size=head.size).first()
    if signed is not None:
        return signed
    found = _since_last_signed()
    tree = found.frontier.to_bytes()
    if not found.ok or (found.size, tree) != (head.size, bytes(head.frontier)):
        raise LedgerNotWhole(f"{len(found.problems)} problems in {found.size} entries")
    note = ledger.Checkpoint(origin(), found.size, found.root).sign(_key())
    return Checkpoint.objects.create(size=found.size, note=note, at=now, frontier=tree)


def sign(text: bytes) -> bytes:
    """Return the ledger key's signature of something that isn't a checkpoint."""
    return _key().sign(text)


def checkpoint_if_due(*, now: datetime) -> Checkpoint | None:
    """Sign once an hour, if anything was added since."""
    last = Checkpoint.objects.order_by("-size").first()
    if last is not None and timedelta(0) <= now - last.at < EVERY:
        return None
    return checkpoint(now=now)


def verify(witness: str | None) -> ledger.Verdict:
    """Check the whole ledger against every checkpoint, and the witness's where there is one."""
    notes = list(Checkpoint.objects.values_list("note", flat=True))
    return _verdict(notes, witness=witness, start=None)


def check(*, now: datetime) -> ledger.Verdict:
    """Check the whole ledger, and put on record when that was and how it went."""
    found = verify(None)
    said = {"at": now, "size": found.size, "whole": found.ok}
    LedgerCheck.objects.update_or_create(id=1, defaults=said)
    return found


def demand_whole(*, now: datetime) -> None:
    """Check the whole ledger. Raises LedgerNotWhole."""
    found = check(now=now)
    if not found.ok:
        raise LedgerNotWhole(f"{len(found.problems)} problems in {found.size} entries")


def check_if_due(*, now: datetime) -> None:
    """Check the whole ledger once a night. Raises LedgerNotWhole, that night once."""
    last = last_check()
    if last is None or not timedelta(0) <= now - last.at < CHECKED_EVERY:
        demand_whole(now=now)


def last_check() -> LedgerCheck | None:
    """Return when all of it was last read, and how that went."""
    found: LedgerCheck | None = LedgerCheck.objects.filter(id=1).first()
    return found


def _since_last_signed() -> ledger.Verdict:
    """Check what was added since the last checkpoint; all of it where something was found before."""
    last, checked = Checkpoint.objects.order_by("-size").first(), last_check()
    if last is None or not last.frontier or (checked is not None and not checked.whole):
        return verify(None)
    try:
        start = ledger.Frontier.from_bytes(bytes(last.frontier))
        found = _verdict([last.note], witness=None, start=start)
    except ledger.ProofRefused:
        return verify(None)
    return found if found.ok else verify(None)


def _verdict(
    notes: list[str], *, witness: str | None, start: ledger.Frontier | None
) -> ledger.Verdict:
    first = start.size if start else 0
    found = ledger.verify(
        log.each_body(first),
        notes,
        public=public_key(),
        witness=witness,
        origin=origin(),
        start=start,
    )
    beside = tuple(
        ledger.Problem(
            ledger.Wrong.CHANGED, index, index, f"entry {index} is filed as something that it isn't"
        )
        for index in log.misfiled(first)
    )
    return replace(found, ok=found.ok and not beside, problems=found.problems + beside)


def witness_text() -> str:
    """Return the newest checkpoint, to be kept by somebody outside; empty before the first."""
    last = Checkpoint.objects.order_by("-size").first()
    return last.note if last else ""


def _key() -> ledger.SigningKey:
    return ledger.SigningKey.from_bytes(stores.keys().signing_key())
