"""How far the ledger here reaches, beside what a witness has seen of it."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from safelight import ledger, storage
from safelight.flows import backing, being_restored, evidence, witnessing
from safelight.records import log
from safelight.records.models import LedgerEntry
from safelight.storage import witnessed

if TYPE_CHECKING:
    from collections.abc import Iterable


class WrongLedger(RuntimeError):
    """The parts don't belong together, or the witness speaks of another ledger."""

    for_people = (
        "These don't belong together: the ledger in the backup isn't the one that the keys or the "
        "witness know. Don't use this backup, and find out who could write there."
    )


def seen_by(
    witness: witnessed.Witness | None, note: str | None, *, public: bytes
) -> list[ledger.Checkpoint]:
    """Return every checkpoint that the witness kept, each signed by this ledger's key."""
    texts = [each.text for each in (witness.notes() if witness is not None else [])]
    texts += [note] if note is not None else []
    try:
        found = [witnessed.read_note(text, public=public) for text in texts]
    except storage.BackupBroken as error:
        raise WrongLedger from error
    if any(each.origin != evidence.origin() for each in found):
        raise WrongLedger
    return found


def up_to_last_seen(
    tree: ledger.Frontier, entries: list[bytes], seen: Iterable[ledger.Checkpoint]
) -> list[bytes]:
    """Return the entries up to the last checkpoint that they reach, if they lead exactly there.

    What lies after it is under no signature yet. Checkpoints that the records have passed are
    compared with the records' own roots. Raises WrongLedger.
    """
    ahead = {each.size: each.root for each in seen if each.size >= tree.size}
    passed = {each.size: each.root for each in seen if each.size < tree.size}
    if passed and passed != _own_roots(set(passed)):
        raise WrongLedger
    good, at = 0, tree
    for number, body in enumerate([b"", *entries]):
        at = at.append(ledger.leaf_hash(body)) if number else at
        if at.size in ahead:
            if at.root() != ahead[at.size]:
                raise WrongLedger
            good = number
    return entries[:good]


def _own_roots(sizes: set[int]) -> dict[int, bytes]:
    at, roots = ledger.Frontier(), {0: ledger.EMPTY_ROOT} if 0 in sizes else {}
    for body in islice(log.each_body(), max(sizes)):
        at = at.append(ledger.leaf_hash(body))
        if at.size in sizes:
            roots[at.size] = at.root()
    return roots


def look_at_witness() -> None:
    """Leave the mark if the witness of the settings has seen more than there is here.

    At each start: a machine that was set back by other means than ours must not open either. A gap
    that somebody accepted is known, and no reason any more. A witness that can't be reached keeps
    nothing shut: `doctor` and the governance page say it.
    """
    place = settings.CONFIG.witness_to
    if not place or not Path(place).expanduser().is_dir():
        return
    size = backing.tree().size
    try:
        kept = witnessing.witness(place)
    except OSError:
        return  # a folder that can't be read is one that can't be reached
    ahead = [
        each
        for each in seen_by(kept, None, public=evidence.public_key())
        if each.size > size and (each.size, each.root.hex()) not in _gaps()
    ]
    if ahead:
        wanted = max(each.size for each in ahead)
        being_restored.begin(why="behind", reached=size, witnessed=wanted)


def _gaps() -> set[tuple[object, object]]:
    """Return the checkpoints that somebody knew to be ahead and went on without."""
    bodies = LedgerEntry.objects.filter(kind="ledger.gap-accepted").values_list("body", flat=True)
    told = [ledger.read_entry(bytes(body)).details for body in bodies]
    return {(each.get("witnessed"), each.get("root")) for each in told}
