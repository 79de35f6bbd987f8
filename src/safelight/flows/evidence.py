"""Evidence: the ledger's checkpoints, what an outside witness keeps, and whether all is whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction

from safelight import ledger
from safelight.flows import stores
from safelight.records import log
from safelight.records.models import Checkpoint, TreeHead

EVERY = timedelta(hours=1)


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

    Reads the whole ledger first: a head that doesn't follow from what was signed is never signed.
    Raises LedgerNotWhole.
    """
    head = TreeHead.objects.select_for_update(no_key=True).filter(id=1).first()
    if head is None or head.size == 0:
        return None
    signed = Checkpoint.objects.filter(size=head.size).first()
    if signed is not None:
        return signed
    found = verify(None)
    if not found.ok or found.size != head.size:
        raise LedgerNotWhole(f"{len(found.problems)} problems in {found.size} entries")
    note = ledger.Checkpoint(origin(), found.size, found.root).sign(_key())
    return Checkpoint.objects.create(size=found.size, note=note, at=now)


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
    found = ledger.verify(
        log.bodies(), notes, public=public_key(), witness=witness, origin=origin()
    )
    beside = tuple(
        ledger.Problem(
            ledger.Wrong.CHANGED, index, index, f"entry {index} is filed as something that it isn't"
        )
        for index in log.misfiled()
    )
    return replace(found, ok=found.ok and not beside, problems=found.problems + beside)


def witness_text() -> str:
    """Return the newest checkpoint, to be kept by somebody outside; empty before the first."""
    last = Checkpoint.objects.order_by("-size").first()
    return last.note if last else ""


def _key() -> ledger.SigningKey:
    return ledger.SigningKey.from_bytes(stores.keys().signing_key())
