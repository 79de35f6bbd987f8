"""Close again what was closed after a backup was made, from the ledger's entries alone.

The ledger holds ids and terms and no names, so it tells what was taken back and not what was given:
openings since the backup are lost and closings are repeated. An entry of a kind that isn't listed
here refuses the restore: it may be a closing that this version doesn't know.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from safelight import ledger
from safelight.flows import taken_back_again, told_again
from safelight.flows.said import Said
from safelight.records.models import Release


class UnknownKind(RuntimeError):
    """The ledger has an entry of a kind that this version doesn't know: it may close something."""

    for_people = (
        "The ledger has entries that this version doesn't know, and one may be a withdrawal. "
        "Restore with the version that wrote them."
    )


def repeat(entry: ledger.Entry) -> str | None:
    """Close again what the entry says was closed; return what a person has to do, or None.

    Raises UnknownKind.

    Inside the transaction that puts the entry back, in the ledger's order. The keys of what has to
    go are queued: `erasing.finish_pending` destroys them.
    """
    act = CLOSES.get(entry.kind) or REPEATED.get(entry.kind)
    if act is not None:
        act(Said(entry))
    elif entry.kind not in HARMLESS and entry.kind not in BY_HAND:
        raise UnknownKind(entry.kind)
    return BY_HAND.get(entry.kind)


def destroyed_by(entry: ledger.Entry) -> list[UUID]:
    """Return the ids whose keys a "keys.destroyed" says are gone."""
    said = Said(entry)
    return said.ids("photos") + said.ids("copies") + said.ids("more")


CLOSES: dict[str, Callable[[Said], None]] = {
    "consent.withdrawn": taken_back_again.withdrawn,
    "keys.destroyed": taken_back_again.keys_destroyed,
    "objection.recorded": taken_back_again.objected,
    "capture.stopped": taken_back_again.stopped,
    "hold.placed": told_again.held,
    "hold.lifted": told_again.hold_lifted,
    "release.refused": taken_back_again.release_ended(Release.State.REFUSED),
    "release.stopped": taken_back_again.release_ended(Release.State.STOPPED),
    "staff.closed": told_again.account_closed,
    "staff.reopened": told_again.account_reopened,
    "staff.role": told_again.role_changed,
    "patient.died": told_again.died,
    "representative.ended": told_again.authority_ended,
    "assessment.recorded": told_again.assessed,
    "patient.said-no": told_again.said_no,
    "use.weighed": told_again.weighed,
    "erasure.ordered": taken_back_again.erasure_ordered,
    "receipt.renewed": taken_back_again.slip_renewed,
    "consent.episode-ended": told_again.episode_ended,
    "switch.turned-off": told_again.turned_off,
    "matter.closed": told_again.matter_closed,
    "link.revoked": lambda _: None,
    "link.locked": lambda _: None,
}
"""Kinds of entries that close something, and what closes it again. The witness is told at once.

After a restore every link is dead, so that nothing has to be repeated for links.
"""

REPEATED: dict[str, Callable[[Said], None]] = {
    "consent.recorded": taken_back_again.asked,
    "photo.viewed": taken_back_again.viewed,
}
"""Kinds that are repeated in part; telling the witness of them can wait for an hour."""

_RULES = "The practice's rules were changed after the backup: compare them, and tighten them again."
_LEFT = "Copies left after the backup: enter them as releases anew, or they aren't counted in what adds up."
_GIVEN = (
    "Pictures were given to a court or into a complaint after the backup: write the matter down "
    "anew, or what was given isn't counted in what adds up."
)
_CORRECTED = (
    "Names, birth dates or numbers of patients were put right after the backup, and who decides "
    "rests on them: look at the patients and put them right again."
)
_KEPT = (
    "How long records are kept was changed after the backup: look at what is due before it goes."
)
_SLIPS = (
    "Patients were given new codes for their pages after the backup: give them new ones once more."
)
BY_HAND: dict[str, str] = {
    "disclosure.registered": _LEFT,
    "exhibit.given": _GIVEN,
    "receipt.renewed": _SLIPS,
    "release.approved": _LEFT,
    "patient.corrected": _CORRECTED,
    "practice.catchment": _RULES,
    "record.kind-set": _KEPT,
    "retention.kept-longer": _KEPT,
    "rule.added": _RULES,
    "pack.activated": _RULES,
    "pack.brought": _RULES,
}
"""Kinds that tighten something whose content the ledger doesn't hold, and what a person has to do."""

HARMLESS: frozenset[str] = frozenset(
    {
        "backup.drilled",
        "backup.made",
        "choice.offered",
        "choice.raised",
        "consent.exported",
        "consultation.recorded",
        "copy.expired",
        "copy.made",
        "copy.opened",
        "copy.previewed",
        "copy.shown",
        "exhibit.opened",
        "exhibit.weighed",
        "exposure.alarmed",
        "exposure.settled",
        "image.back",
        "image.set-aside",
        "keys.backup-verified",
        "keys.moved",
        "keys.rotated",
        "keys.versions-destroyed",
        "ledger.gap-accepted",
        "ledger.restored",
        "link.answered",
        "link.code-sent",
        "link.opened",
        "link.sent",
        "link.shown",
        "mail.given-up",
        "matter.recorded",
        "matter.told",
        "patient.added",
        "patient.no-noted",
        "photo.captured",
        "photo.not-opened",
        "photos.viewed",
        "practice.opened",
        "recall.done",
        "recall.letter-sent",
        "retention.destroyed",
        "retention.due",
        "receipt.opened",
        "release.organisation-agreed",
        "release.requested",
        "release.reworded",
        "representative.added",
        "research.grounded",
        "rule.dropped",
        "staff.added",
        "staff.invited",
        "switch.turned-on",
    }
)
"""Kinds whose loss opens nothing: they gave, looked or reported."""
